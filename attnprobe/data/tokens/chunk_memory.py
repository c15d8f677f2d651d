"""What spaCy makes of chunks between whitespace, remembered: texts mostly say what was said before."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import islice
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from attnprobe.data.documents import runs
from attnprobe.data.tokens.sentencizer import sentence_beginnings
from attnprobe.data.tokens.spacy_splitting import SpacySplitting
from attnprobe.data.tokens.whitespace import Chunks, chunks_of

MOST_CHARACTERS = 4_000_000
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


class ChunkMemory:
    """Chunks, and the words that each is split into.

    What it holds is bounded by those who use it: before a call they ask whether it :attr:`is_full`, and take a new one.

    Attributes:
        words: every word that was found, and its number.
    """

    def __init__(self) -> None:
        self.words = Numbered()
        self._chunks = Numbered()
        self._characters = 0
        # Of each chunk: how many words it has, where they are in the arrays of words of chunks, and whether a special case
        # may have made them, which neighbours may keep from being found (chunks,).
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
        """Whether it is time for a new one: spaCy has split ``MOST_CHARACTERS``, as chunks or in whole texts."""
        return self._characters > MOST_CHARACTERS

    def given(self, tokens: Sequence[str], starts: Sequence[int], begins: Sequence[bool]) -> Words:
        """One document whose words are known."""
        known = len(self.words)
        numbers = np.array([self.words[token] for token in tokens], dtype=np.int32)
        self._characters += sum(map(len, self.words.strings[known:]))
        return Words(
            numbers,
            np.array(starts, dtype=np.int64),
            np.array(begins, dtype=np.bool_),
            np.array([len(tokens)], dtype=np.int64),
        )

    def split(self, texts: Sequence[str]) -> Words:
        """The words of each text, and its sentences: those that spaCy's pipeline finds in it."""
        chunks = chunks_of(texts)
        numbers = np.fromiter(map(self._chunks.__getitem__, chunks.chunks), dtype=np.int64, count=len(chunks.chunks))
        while len(self._counts) < len(self._chunks):
            self._learn(self._chunks.strings[len(self._counts) :][:CHUNKS_AT_ONCE])
        words = self._words(numbers, chunks)
        whole = self._documents_to_split_whole(numbers, chunks)
        if len(whole) == 0:
            return words
        order = np.arange(len(texts))
        order[whole] = len(texts) + np.arange(len(whole))
        return Words.in_order([words, *(self._split_whole(texts[document]) for document in whole.tolist())], order)

    def _words(self, numbers: npt.NDArray[np.int64], chunks: Chunks) -> Words:
        counts = self._counts[numbers]
        offsets = np.zeros(len(counts) + 1, dtype=np.int64)
        np.cumsum(counts, out=offsets[1:])
        places = runs(self._places[numbers], counts)
        apart = np.zeros(len(places), dtype=np.bool_)
        apart[offsets[:-1][chunks.apart]] = True
        documents = offsets[chunks.document_offsets]
        found = self._numbers[places]
        return Words(
            found,
            np.repeat(chunks.starts, counts) + self._starts[places],
            sentence_beginnings(self._stops[found], self._punctuation[found], apart, documents),
            np.diff(documents),
        )

    def _documents_to_split_whole(self, numbers: npt.NDArray[np.int64], chunks: Chunks) -> npt.NDArray[np.int64]:
        """Those with a chunk that may be split otherwise than alone, for what stands beside it."""
        may_differ = self._may_differ[numbers]
        beside = np.flatnonzero((may_differ[1:] | may_differ[:-1]) & ~chunks.apart[1:]) + 1
        if len(beside) == 0:
            return beside
        may_cross = self._splitting.special_cases.may_cross
        crossed = [at for at in beside.tolist() if may_cross(chunks.chunks[at - 1], chunks.chunks[at])]
        return np.unique(np.searchsorted(chunks.document_offsets, crossed, side="right") - 1)

    def _split_whole(self, text: str) -> Words:
        self._characters += len(text)
        return self.given(*self._splitting.split_text(text))

    def _learn(self, chunks: Sequence[str]) -> None:
        self._characters += sum(map(len, chunks))
        counts, starts, lengths = self._splitting.split_chunks(chunks)
        special_cases = self._splitting.special_cases
        places = zip(starts.tolist(), (starts + lengths).tolist(), strict=True)
        numbers, may_differ = [], []
        for chunk, count in zip(chunks, counts.tolist(), strict=True):
            words = [chunk[start:end] for start, end in islice(places, count)]
            numbers += [self.words[word] for word in words]
            may_differ.append(special_cases.may_be_in(words))
        self._places = np.append(self._places, len(self._numbers) + np.cumsum(counts) - counts)
        self._counts = np.append(self._counts, counts)
        self._may_differ = np.append(self._may_differ, may_differ)
        self._numbers = np.append(self._numbers, np.array(numbers, dtype=np.int32))
        self._starts = np.append(self._starts, starts)
        new = self.words.strings[len(self._stops) :]
        self._stops = np.append(self._stops, [word in self._splitting.stops for word in new])
        self._punctuation = np.append(self._punctuation, [self._splitting.is_punctuation(word) for word in new])

    @cached_property
    def _splitting(self) -> SpacySplitting:
        return SpacySplitting()
