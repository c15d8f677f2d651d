"""Results of pieces of a split on disk: a Parquet file a table, done when the last of them is there.

Each file holds a row group for each window that has rows, and says in its metadata what made it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from attnprobe.base.atomic_files import remove_leftovers, replacing
from attnprobe.base.errors import InputError, UnreadableError
from attnprobe.base.parquet.bounded_files import metadata_of, opened_parquet
from attnprobe.base.run_layout import remove_unfinished
from attnprobe.runs.run_folder import OF_SHARDS, PARQUET
from attnprobe.stages.shards import Piece
from attnprobe.stages.tables import Tables

LAST = "documents"
"""Of a piece's files the one that is written last."""

_KEY = b"attnprobe"

_UNREADABLE = (OSError, InputError, UnreadableError)
"""What is raised by files that are not what was written, or would unpack to more than that."""


class Made(NamedTuple):
    """What a piece's results were made from, and by what: another one, and they are made anew.

    Attributes:
        stamp: fingerprint of the run's configuration, and hash of its model.
        content: hash of the documents' texts.
        documents: how many they are.
    """

    stamp: str
    content: str
    documents: int


@dataclass
class Remarks:
    """What is to be said of a piece's documents beside their results.

    Attributes:
        cut: how many are longer than the model takes.
        special: in how many a string stands that the model's tokenizer takes for a special token.
        longest: tokens of the longest one.
        lost: number of a document without results → why it has none.
    """

    cut: int = 0
    special: int = 0
    longest: int = 0
    lost: dict[int, str] = field(default_factory=dict)

    def with_those_of(self, other: Remarks) -> Remarks:
        """Both together."""
        return Remarks(
            self.cut + other.cut,
            self.special + other.special,
            max(self.longest, other.longest),
            self.lost | other.lost,
        )


class DamagedError(Exception):
    """The results of a piece cannot be read."""

    def __init__(self, piece: Piece, path: Path) -> None:
        super().__init__(f"{path} is damaged")
        self.piece, self.path = piece, path


class ShardFiles:
    """The folder of the pieces' files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, piece: Piece, table: str) -> Path:
        """The file of one of the ``OF_SHARDS``."""
        return self.folder / f"{piece.name}.{table}.parquet"

    def write(self, piece: Piece, made: Made, windows: Iterable[tuple[Tables | None, Remarks]]) -> None:
        """Write a piece's results, window by window, None of one whose documents are all lost; all or nothing."""
        self.folder.mkdir(parents=True, exist_ok=True)
        remarks = Remarks()
        with ExitStack() as stack:
            # Left in the opposite order: the last file of all takes its place when the others are there.
            names = (LAST, *(name for name in OF_SHARDS if name != LAST))
            paths = {name: stack.enter_context(replacing(self.path(piece, name))) for name in names}
            writers: dict[str, pq.ParquetWriter] = {}
            with ExitStack() as open_files:
                for tables, of_window in windows:
                    remarks = remarks.with_those_of(of_window)
                    for name, table in ({} if tables is None else tables.made()).items():
                        if name not in writers:
                            writer = pq.ParquetWriter(paths[name], table.schema, **PARQUET)
                            writers[name] = open_files.enter_context(writer)
                        if len(table):
                            writers[name].write_table(table, row_group_size=len(table))
                for name in names:
                    if name not in writers:  # no document of the piece has any
                        writers[name] = open_files.enter_context(
                            pq.ParquetWriter(paths[name], pa.schema([("document", pa.int64())]), **PARQUET)
                        )
                    entries = {"piece": piece.name, **made._asdict(), **vars(remarks)}
                    writers[name].add_key_value_metadata({_KEY: json.dumps(entries)})

    def is_done(self, piece: Piece, made: Made) -> bool:
        """Whether all files are there, made from this and by this, with the documents that they should have."""
        try:
            for name in OF_SHARDS:
                with opened_parquet(self.path(piece, name)) as file:
                    entries, rows = _entries(file.metadata), file.rows
                if any(entries.get(key) != value for key, value in made._asdict().items()):
                    return False
                if name == LAST and rows + len(entries["lost"]) != made.documents:
                    return False
        except (*_UNREADABLE, ValueError, KeyError, TypeError):
            return False
        return True

    def remarks(self, piece: Piece) -> Remarks:
        """What is to be said of a piece that is done.

        Raises:
            DamagedError: its file cannot be read.
        """
        path = self.path(piece, LAST)
        try:
            entries = _entries(metadata_of(path))
            lost = {int(document): str(why) for document, why in entries["lost"].items()}
            return Remarks(int(entries["cut"]), int(entries["special"]), int(entries["longest"]), lost)
        except (*_UNREADABLE, ValueError, KeyError, TypeError, AttributeError, OverflowError):
            raise DamagedError(piece, path) from None

    def schema(self, piece: Piece, table: str) -> pa.Schema:
        """The columns of a piece's table; the number alone, where all its documents are lost.

        Raises:
            DamagedError: the file cannot be read.
        """
        path = self.path(piece, table)
        try:
            with opened_parquet(path) as file:
                return file.schema.remove_metadata()
        except _UNREADABLE:
            raise DamagedError(piece, path) from None

    def windows(self, piece: Piece, table: str, columns: list[str] | None = None) -> Iterator[pa.Table]:
        """A table's rows, window by window; windows without rows are left out.

        Raises:
            DamagedError: the file cannot be read, or what is read is not what was written.
        """
        path = self.path(piece, table)
        try:
            with opened_parquet(path, checksums=True) as file:
                for group in range(len(file.rows_of_groups)):
                    yield file.table(columns, [group])
        except _UNREADABLE:
            raise DamagedError(piece, path) from None

    def whole(self, piece: Piece, table: str) -> pa.Table:
        """All rows of a table of a piece that has results, even where there are none.

        Raises:
            DamagedError: as :meth:`windows`.
        """
        path = self.path(piece, table)
        try:
            with opened_parquet(path, checksums=True) as file:
                return file.table()
        except _UNREADABLE:
            raise DamagedError(piece, path) from None

    def remove(self, piece: Piece) -> None:
        """Forget a piece's results, the file that says they are done first."""
        for name in (LAST, *OF_SHARDS):
            self.path(piece, name).unlink(missing_ok=True)

    def remove_all(self) -> None:
        """Remove what is there of any piece, and the folder, if nothing else is in it."""
        remove_leftovers(self.folder, deep=False)
        remove_unfinished(self.folder)


def _entries(metadata: Mapping[bytes, bytes]) -> dict[str, Any]:
    try:
        entries = json.loads(metadata[_KEY])
    except RecursionError:
        raise ValueError("not a piece's metadata") from None
    if not isinstance(entries, dict):
        raise TypeError("not a piece's metadata")
    return entries
