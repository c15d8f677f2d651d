"""Rows of a table that were computed of some documents, on disk: a Parquet file for each group that is done."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from attnprobe.base.atomic_files import replacing
from attnprobe.base.errors import InputError, UnreadableError
from attnprobe.base.parquet.bounded_files import opened_parquet
from attnprobe.runs.run_folder import PARQUET

DOCUMENT = "document"
"""The column that every such table has."""

_KEY = b"attnprobe"

_OF_CONTENT = (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError)
"""What is raised by files that hold something else than was written."""


@dataclass(frozen=True)
class Group:
    """Documents that are read together, by their numbers in the split, in the order in which they are read.

    Groups of a work have no document in common.
    """

    numbers: tuple[int, ...]

    @property
    def name(self) -> str:
        """What its file is called.

        >>> Group((7, 3, 5)).name
        '00000007-3'
        """
        return f"{self.numbers[0]:08}-{len(self.numbers)}"

    def halves(self) -> list[Group]:
        """Both; none of a single document."""
        middle = len(self.numbers) // 2
        return [Group(self.numbers[:middle]), Group(self.numbers[middle:])] if middle else []


class Results(NamedTuple):
    """Of some documents.

    Attributes:
        rows: of those that have any; None where none has.
        lost: number of a document without → why it has none.
    """

    rows: pa.Table | None
    lost: dict[int, str]

    @classmethod
    def joined(cls, parts: Iterable[Results]) -> Results:
        """One after another."""
        parts = list(parts)
        tables = [part.rows for part in parts if part.rows is not None]
        lost = {document: why for part in parts for document, why in part.lost.items()}
        return cls(pa.concat_tables(tables) if tables else None, lost)


class GroupFiles:
    """The files of groups: in this folder, their names begin with that word."""

    def __init__(self, folder: Path, word: str) -> None:
        self.folder = folder
        self.word = word

    def path(self, group: Group) -> Path:
        """The file of a group."""
        return self.folder / f"{self.word}-{group.name}.parquet"

    def write(self, group: Group, made: Mapping[str, Any], results: Results) -> None:
        """All or nothing; ``made`` says from what."""
        table = pa.table({DOCUMENT: pa.array([], pa.int64())}) if results.rows is None else results.rows
        entries = {**made, "lost": list(results.lost.items())}
        self.folder.mkdir(parents=True, exist_ok=True)
        with replacing(self.path(group)) as temporary:
            pq.write_table(table.replace_schema_metadata({_KEY: json.dumps(entries)}), temporary, **PARQUET)

    def read(self, group: Group, made: Mapping[str, Any]) -> Results | None:
        """What was written of a group, made from this; None where nothing was, or it cannot be read, or is damaged."""
        try:
            with opened_parquet(self.path(group), checksums=True) as file:
                entries = json.loads(file.metadata[_KEY])
                lost = {int(document): str(why) for document, why in entries.pop("lost")}
                if entries != dict(made):
                    return None
                table = file.table().replace_schema_metadata(None)
            covered = set(table[DOCUMENT].to_pylist()) | set(lost)
        except (OSError, InputError, UnreadableError, *_OF_CONTENT):
            return None
        return Results(table if len(table) else None, lost) if covered == set(group.numbers) else None

    def remove(self, group: Group) -> None:
        """Forget a group's results."""
        self.path(group).unlink(missing_ok=True)
