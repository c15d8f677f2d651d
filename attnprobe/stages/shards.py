"""Which documents are probed together: shards of whole windows, and the smaller pieces of one that fails."""

from __future__ import annotations

import re
from dataclasses import dataclass

from attnprobe.base.errors import InputError


@dataclass(frozen=True, order=True)
class Piece:
    """Documents of a split whose results are one set of files.

    Attributes:
        first, last: the windows from ``first`` up to but without ``last``.
        batch: the one of its only window's micro-batches that it is; None for all of them.
        begin, end: the documents of that micro-batch from ``begin`` up to but without ``end``, in the batch's order;
            None for all of them. Without a batch: documents of the only window whose texts are to be read, no more.
    """

    first: int
    last: int
    batch: int | None = None
    begin: int | None = None
    end: int | None = None

    @property
    def name(self) -> str:
        """What its files and messages call it.

        >>> Piece(4, 8).name, Piece(4, 5, 3, 0, 128).name
        ('000004-000008', '000004-000005.3.0-128')
        """
        batch = "" if self.batch is None else f".{self.batch}"
        documents = "" if self.begin is None else f".{self.begin}-{self.end}"
        return f"{self.first:06}-{self.last:06}{batch}{documents}"

    @property
    def reads(self) -> bool:
        """Whether its documents are only read: how long they are must be known before they make up micro-batches."""
        return self.batch is None and self.begin is not None

    def windows(self) -> list[Piece]:
        """Its windows, each by itself."""
        return [Piece(window, window + 1) for window in range(self.first, self.last)]

    def batches(self, count: int) -> list[Piece]:
        """The micro-batches of its only window, each by itself."""
        return [Piece(self.first, self.last, batch) for batch in range(count)]

    def halves(self, documents: int) -> list[Piece]:
        """Both halves of documents that are read, of a micro-batch, or of a part of one; none of a single document."""
        if documents < 2:
            return []
        begin = self.begin or 0
        middle, end = begin + documents // 2, begin + documents
        batch = None if self.reads else self.batch or 0
        return [Piece(self.first, self.last, batch, *ends) for ends in ((begin, middle), (middle, end))]


def shards(windows: int, size: int) -> list[Piece]:
    """A split of so many windows as shards of ``size`` consecutive windows, the last of them of what is left."""
    return [Piece(first, min(first + size, windows)) for first in range(0, windows, size)]


@dataclass(frozen=True)
class Share:
    """The shards that one of several jobs takes: ``part`` of ``parts``, counted from 1."""

    part: int
    parts: int

    def of(self, pieces: list[Piece]) -> list[Piece]:
        """Every ``parts``-th piece."""
        return pieces[self.part - 1 :: self.parts]


def parse_share(text: str) -> Share:
    """What ``3/8`` says: the third of eight jobs.

    Raises:
        InputError: it says nothing of the kind.
    """
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise InputError(f"--shard {text}: not a part and a number of parts, such as 1/8 for the first of eight jobs.")
    return Share(int(match[1]), int(match[2]))
