"""Tokenised documents in memory: ragged arrays, held flat."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class Documents:
    """Documents of a split, or all of it.

    Attributes:
        types: the distinct words, case kept, in order of first sight.
        words: int32 (tokens,), indices into ``types``, all documents one after another.
        sentence_lengths: int32 (sentences,), words per sentence, never 0.
        sentences_per_document: int32 (documents,), never 0.
        labels: int64 (documents,), indices into ``Dataset.labels``.
        content_hashes: uint64 (documents,), the first 8 bytes of the text's blake2b, little-endian.
        texts: the documents' texts (documents,), as they were given.
        word_starts: int32 (tokens,), where each word begins in its document's text, in characters; the text holds
            every word as it is, and the words do not overlap.
    """

    types: list[str]
    words: npt.NDArray[np.int32]
    sentence_lengths: npt.NDArray[np.int32]
    sentences_per_document: npt.NDArray[np.int32]
    labels: npt.NDArray[np.int64]
    content_hashes: npt.NDArray[np.uint64]
    texts: list[str]
    word_starts: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.labels)

    @classmethod
    def of_words(
        cls,
        types: list[str],
        words: npt.NDArray[np.int32],
        sentence_lengths: npt.NDArray[np.int32],
        sentences_per_document: npt.NDArray[np.int32],
        labels: npt.NDArray[np.int64],
        content_hashes: npt.NDArray[np.uint64],
    ) -> Documents:
        """Documents whose texts are their words joined by one space; see the class for what is what."""
        ends = np.cumsum(np.array([len(word) + 1 for word in types], dtype=np.int64)[words])
        starts = np.concatenate([[0], ends])[:-1]
        first = _offsets(sentence_lengths)[_offsets(sentences_per_document)]
        lengths = np.diff(first)
        return cls(
            types,
            words,
            sentence_lengths,
            sentences_per_document,
            labels,
            content_hashes,
            [" ".join([types[word] for word in words[a:b].tolist()]) for a, b in itertools.pairwise(first.tolist())],
            (starts - np.repeat(np.concatenate([[0], ends])[first[:-1]], lengths)).astype(np.int32),
        )

    @classmethod
    def concatenated(cls, parts: Sequence[Documents]) -> Documents:
        """The documents of all parts one after another; ``types`` are merged, in order of first sight."""
        numbers: dict[str, int] = {}
        words = []
        for part in parts:
            number_of_type = [numbers.setdefault(word, len(numbers)) for word in part.types]
            words.append(np.array(number_of_type, dtype=np.int32)[part.words])
        return cls(
            list(numbers),
            _joined(words, np.int32),
            _joined([part.sentence_lengths for part in parts], np.int32),
            _joined([part.sentences_per_document for part in parts], np.int32),
            _joined([part.labels for part in parts], np.int64),
            _joined([part.content_hashes for part in parts], np.uint64),
            [text for part in parts for text in part.texts],
            _joined([part.word_starts for part in parts], np.int32),
        )

    @property
    def words_per_document(self) -> npt.NDArray[np.int64]:
        """int64 (documents,), never 0."""
        return np.diff(self.word_offsets[self.sentence_offsets])

    @cached_property
    def sentence_offsets(self) -> npt.NDArray[np.int64]:
        """int64 (documents + 1,): document d has the sentences ``[offsets[d], offsets[d + 1])``."""
        return _offsets(self.sentences_per_document)

    @cached_property
    def word_offsets(self) -> npt.NDArray[np.int64]:
        """int64 (sentences + 1,): sentence s has the words ``[offsets[s], offsets[s + 1])``."""
        return _offsets(self.sentence_lengths)

    def take(self, documents: npt.NDArray[np.integer]) -> Documents:
        """The documents with these indices, in this order; ``types`` stay as they are."""
        sentences = runs(self.sentence_offsets[documents], self.sentences_per_document[documents])
        words = runs(self.word_offsets[sentences], self.sentence_lengths[sentences])
        return Documents(
            self.types,
            self.words[words],
            self.sentence_lengths[sentences],
            self.sentences_per_document[documents],
            self.labels[documents],
            self.content_hashes[documents],
            [self.texts[document] for document in documents.tolist()],
            self.word_starts[words],
        )

    def with_own_types(self) -> Documents:
        """The same documents with no types but those that occur, in order of first sight."""
        distinct, words = by_first_sight(self.words)
        return dataclasses.replace(self, types=[self.types[word] for word in distinct], words=words)

    def cut(self, words: int) -> Documents:
        """The first ``words`` words of every document, in their sentences; the text ends with the last of them."""
        position = self.word_offsets[:-1] - np.repeat(
            self.word_offsets[self.sentence_offsets[:-1]], self.sentences_per_document
        )
        lengths = np.clip(words - position, 0, self.sentence_lengths).astype(np.int32)
        kept = lengths > 0
        offsets = np.concatenate([[0], np.cumsum(kept)])[self.sentence_offsets]
        kept_words = runs(self.word_offsets[:-1][kept], lengths[kept])
        return Documents(
            self.types,
            self.words[kept_words],
            lengths[kept],
            np.diff(offsets).astype(np.int32),
            self.labels,
            self.content_hashes,
            self._texts_up_to(words),
            self.word_starts[kept_words],
        )

    def _texts_up_to(self, words: int) -> list[str]:
        texts = list(self.texts)
        for document in np.flatnonzero(self.words_per_document > words).tolist():
            last = int(self.word_offsets[self.sentence_offsets[document]]) + words - 1
            texts[document] = texts[document][: int(self.word_ends[last])]
        return texts

    @cached_property
    def word_ends(self) -> npt.NDArray[np.int32]:
        """int32 (tokens,): where each word ends in its document's text, in characters."""
        return self.word_starts + np.array([len(word) for word in self.types], dtype=np.int32)[self.words]

    def words_of(self, document: int) -> list[str]:
        """All words of a document."""
        first, last = self.sentence_offsets[[document, document + 1]]
        return self._words_between(first, last)

    def sentences_of(self, document: int) -> list[str]:
        """A document's sentences as its text has them, each from its first word to its last."""
        return [self.texts[document][start:end] for start, end in self._sentence_spans(document)]

    def between_words(self, document: int) -> list[str]:
        """The text between each word of a document and the word before it; of the first, what is before it."""
        first, last = self.word_offsets[self.sentence_offsets[[document, document + 1]]]
        starts, ends = self.word_starts[first:last].tolist(), self.word_ends[first:last].tolist()
        return _between(self.texts[document], list(zip(starts, ends, strict=True)))

    def between_sentences(self, document: int) -> list[str]:
        """The same of sentences."""
        return _between(self.texts[document], self._sentence_spans(document))

    def _sentence_spans(self, document: int) -> list[tuple[int, int]]:
        """Where a document's sentences begin and end in its text, in characters."""
        first, last = self.sentence_offsets[[document, document + 1]]
        words = self.word_offsets[first : last + 1]
        starts, ends = self.word_starts[words[:-1]].tolist(), self.word_ends[words[1:] - 1].tolist()
        return list(zip(starts, ends, strict=True))

    def _words_between(self, first_sentence: int, last_sentence: int) -> list[str]:
        start, end = self.word_offsets[[first_sentence, last_sentence]]
        return [self.types[word] for word in self.words[start:end]]


def runs(starts: npt.NDArray[np.integer], lengths: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """Indices of consecutive runs: start, start + 1, … for each (start, length)."""
    ends = np.cumsum(lengths, dtype=np.int64)
    total = int(ends[-1]) if len(ends) else 0
    indices: npt.NDArray[np.int64] = np.arange(total) + np.repeat(starts - (ends - lengths), lengths)
    return indices


C = TypeVar("C", bound=np.integer)


def by_first_sight(codes: npt.NDArray[C]) -> tuple[npt.NDArray[C], npt.NDArray[np.int32]]:
    """The distinct codes in order of first sight, and each code as an int32 index into them."""
    distinct, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(order), dtype=np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    return distinct[order], rank[inverse]


def _between(text: str, spans: list[tuple[int, int]]) -> list[str]:
    ends = [0, *(end for _, end in spans)]
    return [text[end:start] for end, (start, _) in zip(ends, spans, strict=False)]


def _joined(arrays: Sequence[npt.NDArray[Any]], dtype: type[np.generic]) -> npt.NDArray[Any]:
    return np.concatenate([np.zeros(0, dtype), *arrays])


def _offsets(lengths: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    offsets = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets
