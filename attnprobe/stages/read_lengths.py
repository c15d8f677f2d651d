"""How long the documents of a window are for the model, on disk: from that follows which are read together.

Only a window that cannot be done whole needs it: the driver then divides it without reading texts itself, which may be
what breaks.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from attnprobe.base.atomic_files import replacing
from attnprobe.base.bounds import MOST_JSON_BYTES
from attnprobe.base.plain_files import read_text
from attnprobe.stages.shard_files import Made, Remarks
from attnprobe.stages.shards import Piece

UNREADABLE = -1
"""In the place of the length of a document that cannot be read."""


class Reading(NamedTuple):
    """Consecutive documents of a window.

    Attributes:
        lengths: tokens of each; ``UNREADABLE`` where there is no saying.
        remarks: on all of them.
    """

    lengths: list[int]
    remarks: Remarks

    @classmethod
    def joined(cls, parts: Sequence[Reading]) -> Reading:
        """Of documents that follow one another."""
        remarks = Remarks()
        for part in parts:
            remarks = remarks.with_those_of(part.remarks)
        return cls([length for part in parts for length in part.lengths], remarks)


class ReadingFiles:
    """The folder of such files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, piece: Piece) -> Path:
        """The file of a piece that reads."""
        return self.folder / f"{piece.name}.lengths.json"

    def write(self, piece: Piece, made: Made, reading: Reading) -> None:
        """All or nothing."""
        self.folder.mkdir(parents=True, exist_ok=True)
        content = {"made": made, "lengths": reading.lengths, "remarks": vars(reading.remarks)}
        with replacing(self.path(piece)) as temporary:
            temporary.write_text(json.dumps(content), encoding="utf-8")

    def read(self, piece: Piece, made: Made) -> Reading | None:
        """What was written of these documents by this run; None where nothing was, or it cannot be read."""
        try:
            content = json.loads(read_text(self.path(piece), MOST_JSON_BYTES))
            remarks = content["remarks"]
            lost = {int(document): str(why) for document, why in remarks.pop("lost").items()}
            lengths = [int(length) for length in content["lengths"]]
            found = Reading(lengths, Remarks(**{name: int(count) for name, count in remarks.items()}, lost=lost))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError):
            return None
        return found if content.get("made") == list(made) and len(lengths) == made.documents else None

    def remove(self, piece: Piece) -> None:
        """Forget it."""
        self.path(piece).unlink(missing_ok=True)
