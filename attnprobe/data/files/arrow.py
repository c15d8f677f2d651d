"""Arrow files, as ``datasets.Dataset.save_to_disk`` writes them."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from attnprobe.base.arrow_streams import ArrowStream
from attnprobe.base.errors import UnreadableError
from attnprobe.data.files.class_names import class_names
from attnprobe.data.files.columns import WantedColumns
from attnprobe.data.files.parquet import records_of, unreadable
from attnprobe.data.files.records import Table

_KIND = "Arrow"


def arrow_table(file: BinaryIO, path: Path, wanted: WantedColumns) -> Table:
    """An Arrow file; a record's row is its number, counted from 1.

    Raises:
        InputError: the file is not readable, or lacks a column.
    """
    try:
        stream = ArrowStream(path)
    except UnreadableError as error:
        raise unreadable(path, error, _KIND) from None
    columns = wanted.among(path, stream.names)
    return Table(columns, records_of(stream, path, columns, _KIND), class_names(stream.metadata, columns.label))
