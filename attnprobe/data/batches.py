"""Length-bucketed, token-budgeted batches of tokenised documents, flat: a model pads as it needs."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, Self, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from attnprobe.data.documents import Documents, runs

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

IntArray = npt.NDArray[np.integer]

PADDING_NOISE = 0.1
"""Lengths are jittered by this share before sorting, so that epochs differ in who shares a batch (as in 2019)."""


D = TypeVar("D", bound="DataclassInstance")


def with_tensors_on(device: torch.device, batch: D) -> D:
    """The same dataclass with all of its tensors on ``device``."""
    fields = {field.name: getattr(batch, field.name) for field in dataclasses.fields(batch)}
    tensors = {name: value.to(device) for name, value in fields.items() if isinstance(value, Tensor)}
    return dataclasses.replace(batch, **tensors)


@dataclass(frozen=True)
class Batch:
    """Documents one after another.

    Attributes:
        rows: their 0-based rows in the split (documents,).
        labels: class numbers (documents,).
        words: word numbers of the vocabulary (words of all documents,).
        sentence_lengths: words a sentence (sentences of all documents,).
        sentences_per_document: (documents,).
    """

    rows: Tensor
    labels: Tensor
    words: Tensor
    sentence_lengths: Tensor
    sentences_per_document: Tensor

    def __len__(self) -> int:
        return len(self.rows)

    def to(self, device: torch.device) -> Batch:
        """The same batch with its tensors on ``device``."""
        return with_tensors_on(device, self)

    @property
    def document_lengths(self) -> Tensor:
        """Words a document (documents,)."""
        return segment_sums(self.sentence_lengths, self.sentences_per_document)


def segment_sums(numbers: Tensor, lengths: Tensor) -> Tensor:
    """Sums (segments,) of consecutive runs of ``numbers`` whose lengths are given."""
    ends = torch.nn.functional.pad(numbers.cumsum(0), (1, 0))[lengths.cumsum(0)]
    return ends.diff(prepend=ends.new_zeros(1))


def pad(flat: Tensor, lengths: Tensor, *, value: float = 0, left: bool = False) -> tuple[Tensor, Tensor]:
    """Cut a flat tensor (total, …) into rows of the given lengths, padded with ``value`` at the end, or at the left.

    Returns:
        (rows, longest, …) and the mask (rows, longest), True where an entry is real.
    """
    longest = int(lengths.max())
    positions = torch.arange(longest, device=lengths.device)
    mask = positions >= longest - lengths[:, None] if left else positions < lengths[:, None]
    padded = flat.new_full((*mask.shape, *flat.shape[1:]), value)
    padded[mask] = flat
    return padded, mask


def length_buckets(lengths: IntArray, documents: int, tokens: int) -> list[IntArray]:
    """Group documents of similar length: at most ``documents`` and ``tokens`` (padding included) a group.

    Args:
        lengths: words a document (all documents,); may be jittered.
        documents: most documents in a group.
        tokens: most tokens in a group, padding included; a longer document gets a group of its own.

    Returns:
        Row numbers, the groups in order of length.
    """
    order = np.argsort(lengths, kind="stable")
    groups: list[IntArray] = []
    start = 0
    for end in range(1, len(order) + 1):
        full = end - start == documents
        if end == len(order) or full or (end - start + 1) * lengths[order[end]] > tokens:
            groups.append(order[start:end])
            start = end
    return groups


def longest_first(lengths: IntArray, documents: int, tokens: int) -> list[IntArray]:
    """Rows of fixed batches, the longest documents first: memory runs out at once or never."""
    return length_buckets(lengths, documents, tokens)[::-1]


class LabelledBatch(Protocol):
    """Documents that a model can take at once, and their class numbers (documents,)."""

    @property
    def labels(self) -> Tensor:
        """Class numbers (documents,)."""
        ...

    def __len__(self) -> int:
        """How many documents."""
        ...

    def to(self, device: torch.device) -> Self:
        """The same batch with its tensors on ``device``."""
        ...


B = TypeVar("B", bound=LabelledBatch)


class EncodedSplit(ABC, Generic[B]):
    """A split as numbers, ready to be cut into batches.

    Attributes:
        documents: the split.
        lengths: int64 (documents,), what each document costs: its words, or its sub-word pieces.
        cut: how many documents were longer than the model takes, and lost what was beyond.
        special: in how many documents a string stands that the model's tokenizer takes for a special token.
        left_out: of how many documents the model's tokenizer makes nothing: they are not among these.
    """

    cut = 0
    special = 0
    left_out = 0

    def __init__(self, documents: Documents, lengths: npt.NDArray[np.int64]) -> None:
        self.documents = documents
        self.lengths = lengths

    def __len__(self) -> int:
        return len(self.documents)

    @abstractmethod
    def batch(self, rows: IntArray) -> B:
        """The documents of these rows, in this order."""

    def in_order_of_length(self, documents: int, tokens: int) -> list[IntArray]:
        """Rows of fixed batches; see :func:`longest_first`."""
        return longest_first(self.lengths, documents, tokens)

    def shuffled(self, documents: int, tokens: int, seed: list[int]) -> list[IntArray]:
        """Rows of an epoch's batches: alike in length, in random order, a function of ``seed`` alone."""
        rng = np.random.default_rng(seed)
        jittered = self.lengths * rng.uniform(1 - PADDING_NOISE, 1 + PADDING_NOISE, len(self))
        groups = length_buckets(jittered.astype(np.int64) + 1, documents, tokens)
        return [groups[i] for i in rng.permutation(len(groups))]

    def batches(self, groups: list[IntArray], device: torch.device) -> Iterator[B]:
        """The batches of these groups of rows, one at a time."""
        for rows in groups:
            yield self.batch(rows).to(device)


class EncodedDocuments(EncodedSplit[Batch]):
    """A split whose words are numbers of the vocabulary, ready to be cut into batches."""

    def __init__(self, documents: Documents, words: IntArray) -> None:
        super().__init__(documents, documents.words_per_document.astype(np.int64))
        self._words = torch.from_numpy(np.ascontiguousarray(words, dtype=np.int32))
        self._labels = torch.from_numpy(documents.labels)
        self._sentence_lengths = documents.sentence_lengths.astype(np.int64)
        self._sentences = documents.sentences_per_document.astype(np.int64)
        self._first_word = np.cumsum(self.lengths) - self.lengths
        self._first_sentence = np.cumsum(self._sentences) - self._sentences

    def batch(self, rows: IntArray) -> Batch:
        """The documents of these rows, in this order."""
        words = runs(self._first_word[rows], self.lengths[rows])
        sentences = runs(self._first_sentence[rows], self._sentences[rows])
        return Batch(
            rows=torch.from_numpy(np.ascontiguousarray(rows, dtype=np.int64)),
            labels=self._labels[rows],
            words=self._words[words],
            sentence_lengths=torch.from_numpy(self._sentence_lengths[sentences]),
            sentences_per_document=torch.from_numpy(self._sentences[rows]),
        )
