"""What spaCy makes of chunks between whitespace, remembered: texts mostly say what was said before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import chain
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from attnprobe.data.documents import runs
from attnprobe.data.tokens.sentencizer import sentence_beginnings
from attnprobe.data.tokens.spacy_splitting import SpacySplitting
from attnprobe.data.tokens.whitespace import Chunks, chunks_of

MOST_BYTES = 150_000_000  # some 250,000 different chunks of English
BYTES_A_STRING, BYTES_A_CHARACTER = 500, 10  # what a new chunk takes, its words and spaCy's own included: measured
CHUNKS_AT_ONCE = 10_000  # of which spaCy makes one document


class Words(NamedTuple):
    """The words of several documents, one after another.

    Attributes:
        numbers: which word each is (words,), as :attr:`ChunkMemory.words` has them.
        starts: where in its text each begins, in characters (words,).
        begins: whether it begins a sentence (words,).
        per_document: how many there are (documents,).
    """

    numbers: npt.NDArray[np.int32]
    starts: npt.NDArray[np.int64]
    begins: npt.NDArray[np.bool_]
    per_document: npt.NDArray[np.int64]

    @classmethod
    def in_order(cls, parts: Sequence[Words], documents: npt.NDArray[np.integer]) -> Words:
        """Documents of all parts, one part after another, in another order: first the one at ``documents[0]``."""
        numbers, starts, begins, per_document = map(np.concatenate, zip(*parts, strict=True))
        taken = runs((np.cumsum(per_document) - per_document)[documents], per_document[documents])
        return cls(numbers[taken], starts[taken], begins[taken], per_document[documents])


class Numbered(dict[str, int]):
    """Strings and their numbers: one that is looked up for the first time gets the next."""

    def __init__(self) -> None:
        super().__init__()
        self.strings: list[str] = []

    def __missing__(self, string: str) -> int:
        number = self[string] = len(self.strings)
        self.strings.append(string)
        return number


S = TypeVar("S", bound=np.generic)


def _extended(array: npt.NDArray[S], values: Sequence[object] | npt.NDArray[np.generic]) -> npt.NDArray[S]:
    return np.concatenate([array, np.asarray(values, dtype=array.dtype)])


def _starts(chunk: str, words: Sequence[str]) -> Iterable[int]:
    """Where in the chunk each word begins, which are all of it but its blanks."""
    if len(words) == 1:
        return (0,)
    starts, end = [], 0
    for word in words:
        starts.append(chunk.index(word, end))
        end = starts[-1] + len(word)
    return starts


class ChunkMemory:
    """Chunks, and the words that each is split into.

    Who uses it asks before each call whether it :attr:`is_full`, and then takes a new one: so no more is held than
    ``MOST_BYTES`` and what is new in the texts of one call.

    Attributes:
        words: every word that was found, and its number.
    """

    def __init__(self) -> None:
        self.words = Numbered()
        self._chunks = Numbered()
        self._bytes = 0
        # Of each chunk: how many words it has, where they are in the arrays of words of chunks, and whether a special
        # case may have made them, which neighbours may hide (chunks,).
        self._counts = np.zeros(0, dtype=np.int64)
        self._places = np.zeros(0, dtype=np.int64)
        self._may_differ = np.zeros(0, dtype=np.bool_)
        # Words of chunks, one chunk after another: which word, and where in its chunk it begins.
        self._numbers = np.zeros(0, dtype=np.int32)
        self._starts = np.zeros(0, dtype=np.int64)
        # Of each word, what the sentencizer asks (words,).
        self._stops = np.zeros(0, dtype=np.bool_)
        self._punctuation = np.zeros(0, dtype=np.bool_)

    @property
    def is_full(self) -> bool:
        """Whether it is time for a new one."""
        return self._bytes > MOST_BYTES

    def given(self, tokens: Sequence[str], starts: Sequence[int], begins: Sequence[bool]) -> Words:
        """One document whose words are known."""
        known = len(self.words)
        numbers = np.array([self.words[token] for token in tokens], dtype=np.int32)
        self._count(self.words.strings[known:])
        return Words(
            numbers,
            np.array(starts, dtype=np.int64),
            np.array(begins, dtype=np.bool_),
            np.array([len(tokens)], dtype=np.int64),
        )

    def split(self, texts: Sequence[str]) -> Words:
        """The words of each text, and its sentences: those that spaCy's pipeline finds in it."""
        chunks = chunks_of(texts)
        numbers = self._numbers_of(chunks.strings)
        groups = self._inseparable(numbers, chunks)
        if groups:
            chunks, remain = chunks.kept_together(groups)
            numbers = numbers[remain]
            joined = np.cumsum(remain)[[first for first, _ in groups]] - 1
            numbers[joined] = self._numbers_of([chunks.strings[chunk] for chunk in joined.tolist()])
        return self._words(numbers, chunks)

    def _numbers_of(self, chunks: Sequence[str]) -> npt.NDArray[np.int64]:
        numbers = np.fromiter(map(self._chunks.__getitem__, chunks), dtype=np.int64, count=len(chunks))
        while len(self._counts) < len(self._chunks):
            self._learn(self._chunks.strings[len(self._counts) :][:CHUNKS_AT_ONCE])
        return numbers

    def _inseparable(self, numbers: npt.NDArray[np.int64], chunks: Chunks) -> list[tuple[int, int]]:
        """Groups of chunks, (first, last), of which one may be split otherwise beside the others than alone."""
        differs = self._may_differ[numbers]
        if not differs.any():
            return []
        may_cross = self._splitting.special_cases.may_cross

        def linked(left: int, right: int) -> bool:
            return not chunks.apart[right] and may_cross(chunks.strings[left], chunks.strings[right])

        groups: list[tuple[int, int]] = []
        for chunk in np.flatnonzero(differs).tolist():
            if groups and chunk <= groups[-1][1]:
                continue
            first = last = chunk
            while last + 1 < len(numbers) and linked(last, last + 1):
                last += 1
            while first > 0 and linked(first - 1, first):
                first -= 1
            if first < last:
                groups.append((first, last))
        return groups

    def _words(self, numbers: npt.NDArray[np.int64], chunks: Chunks) -> Words:
        counts = self._counts[numbers]
        offsets = np.zeros(len(counts) + 1, dtype=np.int64)
        np.cumsum(counts, out=offsets[1:])
        places = runs(self._places[numbers], counts)
        apart = np.zeros(len(places), dtype=np.bool_)
        apart[offsets[:-1][chunks.apart]] = True
        documents = offsets[chunks.document_offsets]
        found = self._numbers[places]
        starts = np.repeat(chunks.starts, counts) + self._starts[places]
        for document, blanks in chunks.blanks_put_in.items():
            of_document = starts[documents[document] : documents[document + 1]]
            of_document -= np.searchsorted(blanks, of_document)
        return Words(
            found,
            starts,
            sentence_beginnings(self._stops[found], self._punctuation[found], apart, documents),
            np.diff(documents),
        )

    def _learn(self, chunks: Sequence[str]) -> None:
        self._count(chunks)
        words = self._splitting.split_chunks(chunks)
        counts = np.fromiter(map(len, words), dtype=np.int64, count=len(words))
        starts = list(chain.from_iterable(map(_starts, chunks, words)))
        numbers = list(map(self.words.__getitem__, chain.from_iterable(words)))
        may_differ = list(map(self._splitting.special_cases.may_be_in, words))
        self._places = _extended(self._places, len(self._numbers) + np.cumsum(counts) - counts)
        self._counts = _extended(self._counts, counts)
        self._may_differ = _extended(self._may_differ, may_differ)
        self._numbers = _extended(self._numbers, numbers)
        self._starts = _extended(self._starts, starts)
        new = self.words.strings[len(self._stops) :]
        self._stops = _extended(self._stops, list(map(self._splitting.stops.__contains__, new)))
        self._punctuation = _extended(self._punctuation, list(map(self._splitting.is_punctuation, new)))

    def _count(self, new: Sequence[str]) -> None:
        self._bytes += BYTES_A_STRING * len(new) + BYTES_A_CHARACTER * sum(map(len, new))

    @cached_property
    def _splitting(self) -> SpacySplitting:
        return SpacySplitting()
