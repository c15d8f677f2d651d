"""Parquet files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from attnprobe.base.errors import InputError
from attnprobe.data.files.columns import Columns, WantedColumns
from attnprobe.data.files.places import place
from attnprobe.data.files.records import Record, Table

BATCH_ROWS = 64  # each of them may have a text as long as any
BUFFER_BYTES = 1 << 20


def parquet_table(file: BinaryIO, path: Path, wanted: WantedColumns) -> Table:
    """A Parquet file; a record's row is its number, counted from 1.

    Raises:
        InputError: the file is not readable, or lacks a column.
    """
    try:
        # Not whole row groups: a file may have no more than one.
        parquet = pq.ParquetFile(file, buffer_size=BUFFER_BYTES, pre_buffer=False)
        names = parquet.schema_arrow.names
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:  # the last of a column's name
        raise _unreadable(path, error) from None
    columns = wanted.among(path, names)
    return Table(columns, _records(parquet, path, columns))


def _records(parquet: pq.ParquetFile, path: Path, columns: Columns) -> Iterator[Record]:
    row = 0
    batches: Iterator[pa.RecordBatch] | None = None
    while True:
        try:
            if batches is None:
                batches = parquet.iter_batches(BATCH_ROWS, columns=[columns.label, columns.text], use_threads=False)
            batch = next(batches, None)
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise _unreadable(path, error) from None
        if batch is None:
            return
        for label, text in zip(batch.column(columns.label), batch.column(columns.text), strict=True):
            row += 1
            yield Record(row, _value(label, path, row, columns.label), _value(text, path, row, columns.text))


def _value(scalar: pa.Scalar, path: Path, row: int, column: str) -> object:
    try:
        return scalar.as_py()
    except UnicodeDecodeError:
        raise InputError(f"{place(path, row, column)}: not UTF-8.") from None


def _unreadable(path: Path, error: Exception) -> InputError:
    reason = str(error).strip().split("\n")[0].rstrip(".")
    return InputError(f"{path}: not readable as Parquet ({reason}).")
