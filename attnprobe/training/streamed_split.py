"""A split that is encoded a part at a time: epochs go over more documents than fit into memory.

An epoch draws the split's windows in random order and puts as many together as a shuffle buffer takes. The documents of
a buffer share batches as if the buffer were the whole split. A split that fits into one buffer is encoded once, and
kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Generic, NamedTuple

import numpy as np

from attnprobe.data.batches import EncodedSplit, IntArray
from attnprobe.data.documents import Documents
from attnprobe.data.split import Split
from attnprobe.training.trainable import B

BUFFER_DOCUMENTS = 131_072
BUFFER_WORDS = 8_000_000
"""A buffer is full when it has this many documents, or documents of this many words."""

SAMPLE_WINDOWS = 4
"""Of a split that is not kept, so many windows tell what an epoch will cost."""


class Buffer(NamedTuple, Generic[B]):
    """Documents that are shuffled together.

    Attributes:
        documents: encoded.
        seed: of the order of their batches.
    """

    documents: EncodedSplit[B]
    seed: list[int]


class Sample(NamedTuple, Generic[B]):
    """Documents that stand for a whole split.

    Attributes:
        documents: encoded.
        tokens: of the whole split: exact where the sample is all of it, otherwise as the sample lets expect.
    """

    documents: EncodedSplit[B]
    tokens: int


class Cut(NamedTuple):
    """What is to be said of documents beside how a model does on them.

    Attributes:
        documents: how many were longer than the model takes.
        longest: tokens of the longest that is left.
        special: in how many a string stands that the model's tokenizer takes for a special token.
        left_out: of how many the model's tokenizer makes nothing.
    """

    documents: int
    longest: int
    special: int = 0
    left_out: int = 0


class StreamedSplit(Generic[B]):
    """A split and how its documents are encoded.

    Args:
        split: the documents.
        encode: makes of some of them what can be cut into batches.
    """

    def __init__(self, split: Split, encode: Callable[[Documents], EncodedSplit[B]]) -> None:
        self.split = split
        self._encode = encode
        self._words = np.add.reduceat(split.words_per_document, split.starts[:-1], dtype=np.int64)
        self._cut: Cut | None = None

    def __len__(self) -> int:
        return len(self.split)

    @cached_property
    def kept(self) -> EncodedSplit[B] | None:
        """All documents, where they fit into one buffer."""
        if len(self) > BUFFER_DOCUMENTS or self._words.sum() > BUFFER_WORDS:
            return None
        return self._encode(self.split.documents())

    @property
    def cut(self) -> Cut | None:
        """What is to be said of the documents; None until all have been seen once."""
        if self.kept is None:
            return self._cut
        return Cut(self.kept.cut, int(self.kept.lengths.max()), self.kept.special, self.kept.left_out)

    def buffers(self, seed: int, epoch: int) -> Iterator[Buffer[B]]:
        """An epoch's buffers, a function of ``seed`` and ``epoch``; made one at a time.

        Only one is in memory if whoever goes through them lets go of each before asking for the next.
        """
        if self.kept is not None:
            yield Buffer(self.kept, [seed, epoch])
            return
        drawn = np.random.default_rng([seed, epoch]).permutation(self.split.windows)
        portions = self._portions(drawn)
        # numpy pads seeds with zeros, so that [seed, epoch, 0] would be the seed of the windows' order.
        seeds = ([seed, epoch, number] for number in range(1, len(portions) + 1))
        yield from map(Buffer, self._encoded(portions), seeds)

    def parts(self) -> Iterator[EncodedSplit[B]]:
        """All documents in order: those that are kept, or one window after the other."""
        if self.kept is not None:
            yield self.kept
            return
        yield from self._encoded([np.array([number]) for number in range(self.split.windows)])

    def sample(self) -> Sample[B]:
        """All documents where they are kept, otherwise windows from the beginning to the end."""
        if self.kept is not None:
            return Sample(self.kept, int(self.kept.lengths.sum()))
        last = self.split.windows - 1
        numbers = np.unique(np.linspace(0, last, SAMPLE_WINDOWS).round().astype(np.int64))
        documents = self._encode(self._together(numbers))
        share = self._words[numbers].sum() / self._words.sum()
        return Sample(documents, round(documents.lengths.sum() / share))

    def _portions(self, drawn: IntArray) -> list[IntArray]:
        """The drawn windows of each buffer, put back into ascending order."""
        sizes = np.diff(self.split.starts)
        portions = []
        start = documents = words = 0
        for end, window in enumerate(drawn.tolist(), start=1):
            documents += int(sizes[window])
            words += int(self._words[window])
            if end == len(drawn) or documents >= BUFFER_DOCUMENTS or words >= BUFFER_WORDS:
                portions.append(np.sort(drawn[start:end]))
                start, documents, words = end, 0, 0
        return portions

    def _encoded(self, portions: list[IntArray]) -> Iterator[EncodedSplit[B]]:
        """The documents of portions that together are the split."""
        cut = Cut(0, 0)
        for portion in portions:
            encoded = self._encode(self._together(portion))
            longest = max(cut.longest, int(encoded.lengths.max()))
            special, left_out = cut.special + encoded.special, cut.left_out + encoded.left_out
            cut = Cut(cut.documents + encoded.cut, longest, special, left_out)
            yield encoded
            del encoded
        self._cut = cut

    def _together(self, windows: IntArray) -> Documents:
        return Documents.concatenated([self.split.window(number) for number in windows.tolist()])
