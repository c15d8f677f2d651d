"""Tables that are computed of some documents, a batch at a time, as work for executors."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from attnprobe.data.batches import EncodedSplit, IntArray
from attnprobe.execution.time_limit import begin_step
from attnprobe.stages.group_files import Group, GroupFiles, Results
from attnprobe.stages.run_work import RunWork

NAMED = 100
"""Documents that are left out are named in the summary up to this many."""


class GroupWork(RunWork[Group]):
    """Rows of a table for each of some documents, which are computed in groups.

    Attributes:
        files: where results are kept.
        settings: what else the rows depend on.
    """

    files: GroupFiles
    settings: Mapping[str, Any]

    @abstractmethod
    def computed(self, numbers: IntArray) -> pa.Table:
        """The rows of some documents, by their numbers in the split."""

    def _do(self, piece: Group) -> None:
        begin_step()
        self.files.write(piece, self.made(piece), Results(self.computed(np.array(piece.numbers)), {}))

    def encoded(self, numbers: IntArray) -> tuple[EncodedSplit[Any], IntArray]:
        """These documents in ascending order, and the row of each."""
        ascending = np.sort(numbers)
        return self.subject.encode(self.split.take(ascending)), np.searchsorted(ascending, numbers)

    def read(self, piece: Group) -> Results | None:
        """A group's results; None where they are not there, or are not what they should be."""
        return self.files.read(piece, self.made(piece))

    def is_done(self, piece: Group) -> bool:
        """Whether its results are there, and whole."""
        return self.read(piece) is not None

    def parts(self, piece: Group) -> list[Group]:
        """Halves."""
        return piece.halves()

    def join(self, piece: Group, parts: Sequence[Group], lost: Mapping[Group, str]) -> None:
        """Put the parts' rows together; documents that are lost have none."""
        self.files.write(piece, self.made(piece), self.results(parts, lost))
        for part in parts:
            self.files.remove(part)

    def results(self, pieces: Sequence[Group], lost: Mapping[Group, str]) -> Results:
        """Of pieces that are done, or lost by themselves.

        Raises:
            OSError: one was done, and its file has gone, or cannot be read any more.
        """
        parts: list[Results] = []
        for piece in pieces:
            found = Results(None, {piece.numbers[0]: lost[piece]}) if piece in lost else self.read(piece)
            if found is None:
                raise OSError(f"{self.files.path(piece)} has gone, or has been changed by someone else")
            parts.append(found)
        return Results.joined(parts)

    def cost(self, piece: Group) -> int:
        """Words of its documents."""
        return int(self.split.words_per_document[list(piece.numbers)].sum())

    def name(self, piece: Group) -> str:
        """What is computed of which documents."""
        count, first = len(piece.numbers), min(piece.numbers)
        return f"{self.of} of " + (f"document {first:,}" if count == 1 else f"{count:,} documents from {first:,} on")

    def made(self, piece: Group) -> dict[str, Any]:
        """What its results are made from, as JSON has it."""
        numbers = np.array(piece.numbers, dtype="<i8")
        content = np.ascontiguousarray(self.split.content_hashes[np.sort(numbers)], dtype="<u8")
        digest = hashlib.blake2b(numbers.tobytes() + content.tobytes(), digest_size=16).hexdigest()
        return {"stamp": self.stamp, "settings": dict(self.settings), "content": digest}


def left_out(lost: Mapping[int, str]) -> dict[str, Any]:
    """What the summary says of documents that were left out: how many, and the first of them with the reason."""
    first = sorted(lost.items())[:NAMED]
    return {"documents": len(lost), "first": [[document, why] for document, why in first]}
