"""Parquet files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Protocol

import pyarrow as pa

from attnprobe.base.bounds import LONGEST_RECORD, LONGEST_TEXT, MOST_DOCUMENTS
from attnprobe.base.errors import InputError, UnreadableError
from attnprobe.base.parquet.bounded_files import BoundedParquet, decoded_bytes
from attnprobe.data.files.class_names import class_names
from attnprobe.data.files.columns import Columns, WantedColumns
from attnprobe.data.files.places import place
from attnprobe.data.files.records import Record, Table

BATCH_ROWS = 64  # each of them may have a text as long as any


def parquet_table(file: BinaryIO, path: Path, wanted: WantedColumns) -> Table:
    """A Parquet file; a record's row is its number, counted from 1.

    Raises:
        InputError: the file is not readable, or lacks a column, or would unpack to more than data do.
    """
    try:
        parquet = BoundedParquet(file, path)
    except UnreadableError as error:
        raise unreadable(path, error, "Parquet") from None
    if parquet.rows > MOST_DOCUMENTS:
        raise InputError(f"{path}: a file may have {MOST_DOCUMENTS:,} documents at most.")
    columns = wanted.among(path, parquet.names)
    classes = class_names(parquet.metadata, columns.label)
    return Table(columns, records_of(parquet, path, columns, "Parquet"), classes)


class _Batches(Protocol):
    """A file that is read some rows at a time."""

    def batches(self, rows: int, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The rows of these columns, some after another; raises UnreadableError."""
        ...


def records_of(file: _Batches, path: Path, columns: Columns, kind: str) -> Iterator[Record]:
    """The records of a file of Arrow's batches, which messages call by its kind; errors as of :func:`parquet_table`."""
    row = 0
    try:
        for batch in file.batches(BATCH_ROWS, [columns.label, columns.text]):
            labels, texts = batch.column(columns.label), batch.column(columns.text)
            for name, values in ((columns.label, labels), (columns.text, texts)):
                _check_cells(values, path, row, name)
            for label, text in zip(labels, texts, strict=True):
                row += 1
                yield Record(row, _value(label, path, row, columns.label), _value(text, path, row, columns.text))
    except UnreadableError as error:
        raise unreadable(path, error, kind) from None


def _check_cells(values: pa.Array, path: Path, before: int, column: str) -> None:
    """Raise an InputError where a value is too large to become a Python object: a string, or a list of strings."""
    if decoded_bytes(values) <= LONGEST_RECORD:  # all together: nearly always
        return
    for number in range(len(values)):
        if decoded_bytes(values.slice(number, 1)) > LONGEST_RECORD:
            raise InputError(
                f"{place(path, before + number + 1, column)}: the cell has more than {LONGEST_RECORD:,} bytes; "
                f"a document may have {LONGEST_TEXT:,} characters at most."
            )


def _value(scalar: pa.Scalar, path: Path, row: int, column: str) -> object:
    try:
        return scalar.as_py()
    except UnicodeDecodeError:
        raise InputError(f"{place(path, row, column)}: not UTF-8.") from None


def unreadable(path: Path, error: UnreadableError, kind: str) -> InputError:
    """What to say of a file that cannot be read as what it is by its name."""
    return InputError(f"{path}: not readable as {kind} ({error}).")
