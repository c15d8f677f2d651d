"""Read a Parquet file to its last page, a few rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from attnprobe.base.errors import InputError
from attnprobe.runs.table_checks import check_types, check_values, plain

_ROWS = 1 << 16
"""Rows that are held at once."""


def row_batches(path: Path) -> Iterator[pa.Table]:
    """All columns of some rows after another; pages that carry a checksum are held against it.

    Raises:
        InputError: a page cannot be read, or a column holds a value that columns of its name cannot.
    """
    where = "it is no whole Parquet file"
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            sizes = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
            if sum(sizes) != file.metadata.num_rows:
                raise pa.ArrowInvalid
            check_types(path, list(file.schema_arrow))
            done = 0
            for group, size in enumerate(sizes):
                where = f"row group {group} of {len(sizes)} cannot be read"
                left = size
                for batch in file.iter_batches(_ROWS, row_groups=[group]):
                    left -= len(batch)
                    check_values(path, batch, np.arange(done, done + len(batch)))
                    done += len(batch)
                    yield pa.Table.from_batches([plain(batch)])
                if left:  # the header of a page, which has no checksum, lost some
                    raise pa.ArrowInvalid
    except (OSError, UnicodeDecodeError, pa.ArrowException):
        raise InputError(f"{path} is damaged: {where}.") from None


def whole_documents(path: Path) -> Iterator[pa.Table]:
    """As ``row_batches``, cut between documents: each table holds all consecutive rows of its documents."""
    held: pa.Table | None = None
    for batch in row_batches(path):
        rows = batch if held is None else pa.concat_tables([held, batch])
        documents = integers(path, rows, "document")
        others = np.flatnonzero(documents != documents[-1]) if len(documents) else documents
        border = int(others[-1]) + 1 if len(others) else 0
        if border:
            yield rows.slice(0, border)
        held = rows.slice(border)
    if held is not None and len(held):
        yield held


def integers(path: Path, rows: pa.Table, column: str) -> npt.NDArray[np.integer]:
    """A column of whole numbers (rows,).

    Raises:
        InputError: there is none, or something is missing in it.
    """
    values = _column(path, rows, column)
    if values.dtype.kind not in "iu":
        raise InputError(f"{path}: the column {column} does not hold a whole number in every row.")
    return values


def reals(path: Path, rows: pa.Table, column: str) -> npt.NDArray[np.floating]:
    """A column of numbers (rows,), NaN where there is none.

    Raises:
        InputError: there is no such column.
    """
    values = _column(path, rows, column)
    if values.dtype.kind not in "f":
        raise InputError(f"{path}: the column {column} does not hold numbers.")
    return values


def flags(path: Path, rows: pa.Table, column: str) -> npt.NDArray[np.bool_]:
    """A column of yes and no (rows,).

    Raises:
        InputError: there is none, or something is missing in it.
    """
    values = _column(path, rows, column)
    if values.dtype.kind != "b":
        raise InputError(f"{path}: the column {column} does not say yes or no in every row.")
    return values


def texts(path: Path, rows: pa.Table, column: str) -> pa.ChunkedArray:
    """A column of text (rows,).

    Raises:
        InputError: there is none, or it is not UTF-8.
    """
    _check_present(path, rows, column)
    try:
        values = rows[column].cast(pa.string())
        values.validate(full=True)
    except pa.ArrowException:
        raise InputError(f"{path}: the column {column} does not hold text.") from None
    return values


def _column(path: Path, rows: pa.Table, column: str) -> npt.NDArray[Any]:
    _check_present(path, rows, column)
    try:
        values: npt.NDArray[Any] = rows[column].to_numpy()
    except pa.ArrowException:
        raise InputError(f"{path}: the column {column} does not hold numbers.") from None
    return values


def _check_present(path: Path, rows: pa.Table, column: str) -> None:
    if rows.column_names.count(column) != 1:
        found = "more than one" if column in rows.column_names else "no"
        raise InputError(f"{path} has {found} column {column}.")
