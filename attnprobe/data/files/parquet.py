"""Parquet files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from attnprobe.base.bounds import LONGEST_TEXT, MOST_DOCUMENTS
from attnprobe.base.errors import InputError
from attnprobe.base.parquet_pages import check_footer, check_shape, rows_at_once
from attnprobe.data.files.columns import Columns, WantedColumns
from attnprobe.data.files.places import place
from attnprobe.data.files.records import Record, Table

BATCH_ROWS = 64  # each of them may have a text as long as any
BUFFER_BYTES = 1 << 20

_MOST_BYTES = 4 * LONGEST_TEXT
"""Of a text in UTF-8: a character takes four at most."""


def parquet_table(file: BinaryIO, path: Path, wanted: WantedColumns) -> Table:
    """A Parquet file; a record's row is its number, counted from 1.

    Raises:
        InputError: the file is not readable, or lacks a column, or would unpack to more than data can.
    """
    try:
        check_footer(path)
        # Not whole row groups: a file may have no more than one.
        parquet = pq.ParquetFile(file, buffer_size=BUFFER_BYTES, pre_buffer=False)
        names = parquet.schema_arrow.names
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:  # the last of a column's name
        raise _unreadable(path, error) from None
    check_shape(path, parquet)
    if parquet.metadata.num_rows > MOST_DOCUMENTS:
        raise InputError(f"{path}: a file may have {MOST_DOCUMENTS:,} documents at most.")
    columns = wanted.among(path, names)
    return Table(columns, _records(parquet, path, columns))


def _records(parquet: pq.ParquetFile, path: Path, columns: Columns) -> Iterator[Record]:
    row = 0
    batches: Iterator[pa.RecordBatch] | None = None
    while True:
        try:
            if batches is None:
                wanted, groups = [columns.label, columns.text], range(parquet.num_row_groups)
                rows = rows_at_once(path, parquet, wanted, groups, BATCH_ROWS)
                batches = parquet.iter_batches(rows, columns=wanted, use_threads=False)
            batch = next(batches, None)
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise _unreadable(path, error) from None
        if batch is None:
            return
        labels, texts = (_of_any_length(batch.column(name)) for name in (columns.label, columns.text))
        for name, values in ((columns.label, labels), (columns.text, texts)):
            _check_lengths(values, path, row, name)
        for label, text in zip(labels, texts, strict=True):
            row += 1
            yield Record(row, _value(label, path, row, columns.label), _value(text, path, row, columns.text))


def _of_any_length(values: pa.Array) -> pa.Array:
    """The values themselves where they are numbers of others; the memory that they take has been seen to."""
    return values.dictionary_decode() if pa.types.is_dictionary(values.type) else values


def _check_lengths(values: pa.Array, path: Path, before: int, column: str) -> None:
    """Raise an InputError where a value is too long to become a Python object: a string, or a list of strings."""
    if _is_list(values.type):
        _check_lengths_of(pc.list_value_length(values), LONGEST_TEXT, "tokens", path, before, column)
        parts = values.flatten()
        if _has_bytes(parts.type):
            lengths = pc.binary_length(parts).fill_null(0).to_numpy(zero_copy_only=False)
            sizes = pc.list_value_length(values).fill_null(0).to_numpy(zero_copy_only=False)
            of_rows = np.bincount(np.repeat(np.arange(len(sizes)), sizes), lengths, len(sizes)).astype(np.int64)
            _check_lengths_of(pa.array(of_rows), _MOST_BYTES, "bytes", path, before, column)
    elif _has_bytes(values.type):
        _check_lengths_of(pc.binary_length(values), _MOST_BYTES, "bytes", path, before, column)


def _check_lengths_of(lengths: pa.Array, most: int, what: str, path: Path, before: int, column: str) -> None:
    numbers = lengths.fill_null(0).to_numpy(zero_copy_only=False)
    for number in np.flatnonzero(numbers > most)[:1].tolist():
        raise InputError(
            f"{place(path, before + number + 1, column)}: the cell has {numbers[number]:,} {what}; "
            f"a document may have {LONGEST_TEXT:,} characters at most."
        )


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def _has_bytes(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
    )


def _value(scalar: pa.Scalar, path: Path, row: int, column: str) -> object:
    try:
        return scalar.as_py()
    except UnicodeDecodeError:
        raise InputError(f"{place(path, row, column)}: not UTF-8.") from None


def _unreadable(path: Path, error: Exception) -> InputError:
    reason = str(error).strip().split("\n")[0].rstrip(".")
    return InputError(f"{path}: not readable as Parquet ({reason}).")
