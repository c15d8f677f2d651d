"""Read a Parquet file to its last page, a few rows at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from attnprobe.base.errors import InputError, UnreadableError
from attnprobe.base.parquet.bounded_files import BoundedParquet, opened_parquet
from attnprobe.runs.table_checks import check_types, check_values, plain

_ROWS = 1 << 16
"""Rows that are held at once."""


def row_batches(path: Path) -> Iterator[pa.Table]:
    """All columns of some rows after another; pages that carry a checksum are held against it.

    Raises:
        InputError: a page cannot be read, or would unpack to more than results do, or a column holds a value that
            columns of its name cannot.
    """
    with _opened(path) as file:
        check_types(path, list(file.schema))
        done = 0
        for group in range(len(file.rows_of_groups)):
            with _named(path, f"row group {group} of {len(file.rows_of_groups)} cannot be read"):
                for batch in file.batches(_ROWS, groups=[group]):
                    check_values(path, batch, np.arange(done, done + len(batch)))
                    done += len(batch)
                    yield pa.Table.from_batches([plain(batch)])


def columns_of(path: Path) -> list[str]:
    """The names of a table's columns; raises as :func:`row_batches`."""
    with _opened(path) as file:
        return file.names


def rows_of_documents(path: Path, columns: Sequence[str], numbers: npt.NDArray[np.integer]) -> pa.Table:
    """These columns of the documents' rows, out of the row groups whose statistics lead to them.

    Args:
        path: of the table.
        columns: that it has, ``document`` among them.
        numbers: of the documents, ascending (documents,).

    Raises:
        InputError: as :func:`row_batches`.
    """
    wanted = pa.array(numbers, pa.int64())
    with _opened(path) as file, _named(path, "a row group cannot be read"):
        groups = [
            group
            for group, extent in enumerate(file.extents("document"))
            if extent is None or np.any((numbers >= extent[0]) & (numbers <= extent[1]))
        ]
        parts = [
            batch.filter(pc.is_in(batch["document"].cast(pa.int64()), wanted))
            for batch in file.batches(_ROWS, columns, groups)
        ]
        return pa.Table.from_batches(parts).select(columns) if parts else pa.table({name: [] for name in columns})


@contextmanager
def _opened(path: Path) -> Iterator[BoundedParquet]:
    with _named(path, "it is no whole Parquet file"), opened_parquet(path, checksums=True) as file:
        yield file


@contextmanager
def _named(path: Path, what: str) -> Iterator[None]:
    """Within, a file that cannot be read is damaged, and this is why."""
    try:
        yield
    except (OSError, UnreadableError):
        raise InputError(f"{path} is damaged: {what}.") from None


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
