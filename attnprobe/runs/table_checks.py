"""Whether a part of a run's table holds what tables of its name do: types, values, and the order of its rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from attnprobe.base.column_values import LONGEST_NAME, Column, Missing, Values
from attnprobe.base.errors import InputError
from attnprobe.erasure.registered_ways import ERASE_BY
from attnprobe.runs.table_columns import column_of

DOCUMENT = "document"

_ONCE = {"documents": None, "items": "position"}
"""Tables in order of document: with a row each, or one for each number from 0 on in this column. Others are sorted."""

_REPEATED = ("ordering", ERASE_BY)
"""Columns of names that many rows share."""

Rows = npt.NDArray[np.int64]
"""Where the rows of a part stand in the table's file (rows,), from 0."""


class _Wrong(NamedTuple):
    """The first row of a part in which a column does not hold what it should, and how that goes on after its name."""

    row: int
    says: str


def check_types(path: Path, fields: Sequence[pa.Field]) -> None:
    """Raise an InputError where a column is there twice, or does not hold what columns of its name do."""
    names = [field.name for field in fields]
    for field in fields:
        column = column_of(path.stem, field.name)
        if column is None:
            continue
        if names.count(field.name) > 1:
            raise InputError(f"{path} has more than one column {field.name!r}.")
        kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        whole, real = pa.types.is_integer(kind), pa.types.is_float32(kind) or pa.types.is_float64(kind)
        if column.values in (Values.TEXT, Values.NAME):
            fits, words = pa.types.is_string(kind) or pa.types.is_large_string(kind), "text"
        elif column.values == Values.WHOLE:
            # Where a value may be missing, others than attnprobe write whole numbers as floating ones.
            fits, words = whole or (real and column.missing != Missing.NOWHERE), "whole numbers"
        elif column.values in (Values.YES_NO, Values.AVERAGED):
            fits, words = pa.types.is_boolean(kind) or whole or real, "yes or no"
        else:
            fits, words = whole or real, "numbers"
        if not fits or (pa.types.is_dictionary(field.type) and words != "text"):
            raise InputError(f"{path}: the column {field.name!r} holds {field.type}, not {words}.")


def check_values(path: Path, part: pa.RecordBatch, rows: Rows, *, distributions: bool = False) -> None:
    """Raise an InputError, which names column and row, where a value is none that the column can have.

    Args:
        path: of the table, whose name says which columns it has.
        part: some of its rows.
        rows: where they stand in the file.
        distributions: whether what the run's model says is known to be a distribution, of which no value is missing.
    """
    for name, values in zip(part.schema.names, part.columns, strict=True):
        column = column_of(path.stem, name)
        if column is None:
            continue
        if column.of_distribution and not distributions:
            column = column._replace(missing=Missing.ANYWHERE)
        for wrong in _wrong(column, values, part):
            raise InputError(f"{_place(path, part, rows, wrong.row)}: the column {name!r} {wrong.says}.")


def plain(part: pa.RecordBatch) -> pa.RecordBatch:
    """The same rows in types that can be reckoned with: no unsigned numbers, names by a dictionary without doubles."""
    columns = []
    for name, values in zip(part.schema.names, part.columns, strict=True):
        if pa.types.is_unsigned_integer(values.type):
            values = values.cast(pa.int64())
        elif pa.types.is_dictionary(values.type) and pc.count_distinct(values.dictionary).as_py() < len(
            values.dictionary
        ):
            values = values.cast(values.type.value_type)
        columns.append(
            values if name not in _REPEATED or pa.types.is_dictionary(values.type) else values.dictionary_encode()
        )
    return pa.RecordBatch.from_arrays(columns, names=part.schema.names)


class RowOrder:
    """Whether rows are in order of document, each once, or those of a document together with positions 0, 1, ….

    Args:
        path: of the table, whose name says which of the two, or neither, it is.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._last = (-1, -1)

    def check(self, part: pa.RecordBatch, rows: Rows) -> None:
        """Raise an InputError where the next rows, of which all of a document are there, are out of order."""
        if self._path.stem not in _ONCE or not len(part) or DOCUMENT not in part.schema.names:
            return
        inner = _ONCE[self._path.stem]
        document = np.concatenate([[self._last[0]], part[DOCUMENT].to_numpy()]).astype(np.int64)
        step = np.diff(document)
        for row in np.flatnonzero(step <= 0 if inner is None else step < 0)[:1]:
            said = "is there twice" if step[row] == 0 else f"stands behind document {document[row]}"
            raise InputError(f"{self._path}, row {rows[row] + 1}: document {document[row + 1]} {said}.")
        position = np.zeros(1, dtype=np.int64)
        if inner is not None and inner in part.schema.names:
            position = np.concatenate([[self._last[1]], part[inner].to_numpy()]).astype(np.int64)
            expected = np.where(step > 0, 0, position[:-1] + 1)
            for row in np.flatnonzero(position[1:] != expected)[:1]:
                raise InputError(
                    f"{_place(self._path, part, rows, int(row))}: the column {inner!r} holds {position[row + 1]} where "
                    f"{expected[row]} comes next."
                )
        self._last = (int(document[-1]), int(position[-1]))


def _place(path: Path, part: pa.RecordBatch, rows: Rows, row: int) -> str:
    """The file and a row of it, from 1 on, with the number of its document where that is read."""
    number = part[DOCUMENT][row].as_py() if DOCUMENT in part.schema.names else None
    return f"{path}, row {rows[row] + 1}" + ("" if number is None else f" (document {number})")


def _wrong(column: Column, values: pa.Array, part: pa.RecordBatch) -> Iterator[_Wrong]:
    """What is wrong with a column; usually nothing."""
    null = _flags(values.is_null()) if values.null_count else np.zeros(len(values), dtype=bool)
    for row in _first(_may_not_miss(column, part, null) & null):
        yield _Wrong(row, "holds nothing")
    if column.values in (Values.TEXT, Values.NAME):
        yield from _wrong_texts(column, values)
        return
    numbers = _numbers(values)
    wrong = ~((numbers >= column.low) & (numbers <= column.high))
    if not column.infinite:
        wrong |= ~np.isfinite(numbers)
    if column.values not in (Values.REAL, Values.AVERAGED):
        wrong |= numbers != np.floor(numbers)
    if column.left_out:
        wrong |= np.isin(numbers, column.left_out)
    for row in _first(wrong & ~null):
        yield _Wrong(row, f"holds {_said(values[row])}, not {column.words}")
    yield from _wrong_beside(column, values, numbers, part)


def _may_not_miss(column: Column, part: pa.RecordBatch, null: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    if column.missing == Missing.ONE_ITEM and null.any() and "n" in part.schema.names:
        several: npt.NDArray[np.bool_] = _numbers(part["n"]) > 1
        return several
    return np.full(len(null), column.missing == Missing.NOWHERE)


def _wrong_beside(
    column: Column, values: pa.Array, numbers: npt.NDArray[np.float64], part: pa.RecordBatch
) -> Iterator[_Wrong]:
    """What does not fit another column of the same row."""
    if column.up_to is not None and column.up_to in part.schema.names:
        for row in _first(numbers > _numbers(part[column.up_to]) - column.less):
            yield _Wrong(row, f"holds {_said(values[row])}, but {column.up_to!r} {_said(part[column.up_to][row])}")
    if column.with_removed and "removed" in part.schema.names:
        never = _numbers(part["removed"]) == -1
        for row in _first((numbers == 1) & never if column.values == Values.YES_NO else np.isnan(numbers) != never):
            yield _Wrong(row, f"holds {_said(values[row])}, but 'removed' {_said(part['removed'][row])}")


def _first(wrong: npt.NDArray[np.bool_]) -> list[int]:
    """The first row that is, or none."""
    found: list[int] = np.flatnonzero(wrong)[:1].tolist()
    return found


def _wrong_texts(column: Column, values: pa.Array) -> Iterator[_Wrong]:
    try:
        values.validate(full=True)
    except pa.ArrowException:
        row = next((row for row, value in enumerate(values) if not _is_decoded(value)), 0)
        yield _Wrong(row, "holds text that is not UTF-8")
        return
    if column.values == Values.NAME:
        coded = pa.types.is_dictionary(values.type)
        lengths = pc.utf8_length(values.dictionary if coded else values)
        sizes = _numbers(lengths.take(values.indices) if coded else lengths)
        for row in _first((sizes < 1) | (sizes > LONGEST_NAME)):
            yield _Wrong(row, f"holds {int(sizes[row]):,} characters, not {column.words}")


def _is_decoded(value: pa.Scalar) -> bool:
    try:
        value.as_py()
    except UnicodeDecodeError:
        return False
    return True


def _numbers(values: pa.Array) -> npt.NDArray[np.float64]:
    """As float64 (rows,), NaN where nothing is: exact for whole numbers far beyond every bound."""
    numbers = values.cast(pa.uint8()) if pa.types.is_boolean(values.type) else values
    found: npt.NDArray[np.float64] = numbers.to_numpy(zero_copy_only=False).astype(np.float64)
    return found


def _flags(values: pa.Array) -> npt.NDArray[np.bool_]:
    flags: npt.NDArray[np.bool_] = values.to_numpy(zero_copy_only=False)
    return flags


def _said(value: Any) -> str:  # noqa: ANN401
    found = value.as_py()
    if found is None:
        return "nothing"
    return {True: "yes", False: "no"}[found] if isinstance(found, bool) else f"{found}"
