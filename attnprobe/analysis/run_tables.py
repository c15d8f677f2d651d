"""Tables of a run's folder, read by column and part by part: of a large one never more than a part is held whole.

Tables are in order of ``document`` and written in groups of a few thousand documents whose smallest and largest numbers
Parquet notes: where rows of a few documents are wanted, the other groups are not read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from attnprobe.errors import InputError

DocumentNumbers = npt.NDArray[np.int64]
"""As in the column ``document`` of every table (numbers,), ascending, each once."""

ROWS = 1 << 14
"""Of a part, at most."""

DOCUMENT = "document"

_WHOLE_NUMBERS = (DOCUMENT, "n", "label", "decision", "draw", "removed", "position")
_TEXTS = ("ordering", "token", "stack")
_GAPS = ("before",)
"""Columns that hold these in every table that has them, a gap perhaps none; all others hold numbers, which may be
missing."""


def columns_of_table(path: Path) -> list[str]:
    """The names of a table's columns.

    Raises:
        InputError: the file is missing or cannot be read.
    """
    with _opened(path) as file:
        names: list[str] = file.schema_arrow.names
        return names


def rows_of_table(path: Path) -> int:
    """How many rows a table has; raises as :func:`columns_of_table`."""
    with _opened(path) as file:
        return int(file.metadata.num_rows)


def metadata_of_table(path: Path) -> dict[bytes, bytes]:
    """What a table says of itself, ``attnprobe`` what it was made by; raises as :func:`columns_of_table`."""
    with _opened(path) as file:
        return dict(file.schema_arrow.metadata or {})


def check_columns(path: Path, needed: Sequence[str], present: Sequence[str]) -> None:
    """Raise an InputError that names the file where a column is missing."""
    present = list(present)
    for column in needed:
        if present.count(column) != 1:
            found = "more than one" if column in present else "no"
            raise InputError(f"{path} has {found} column {column!r}.")


def read_table(
    path: Path,
    columns: Sequence[str] | None = None,
    documents: DocumentNumbers | None = None,
) -> pd.DataFrame:
    """Rows of a table, in its order; text that repeats (``ordering``) is categorical.

    Args:
        path: the file.
        columns: which; by default all.
        documents: whose rows; by default all.

    Raises:
        InputError: the file is missing or cannot be read, or lacks a column.
    """
    with _opened(path) as file:
        names = list(file.schema_arrow.names if columns is None else columns)
        wanted = names if documents is None or DOCUMENT in names else [DOCUMENT, *names]
        check_columns(path, wanted, file.schema_arrow.names)
        fields = [file.schema_arrow.field(name) for name in wanted]
        _check_types(path, fields)
        empty = pa.schema(fields, file.schema_arrow.metadata).empty_table()
        parts = [pa.Table.from_batches([part]) for part in _parts(file, wanted, documents)]
        table = pa.concat_tables([empty, *parts]).select(names)
        _check_values(path, table)
        if "ordering" in names and not pa.types.is_dictionary(table["ordering"].type):
            table = table.set_column(names.index("ordering"), "ordering", table["ordering"].dictionary_encode())
        frame: pd.DataFrame = table.unify_dictionaries().replace_schema_metadata().to_pandas()
        return frame


def table_parts(path: Path, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """These columns of a table, ``ROWS`` rows at a time, at least one part; raises as :func:`read_table`."""
    with _opened(path) as file:
        check_columns(path, columns, file.schema_arrow.names)
        if not file.metadata.num_rows:
            yield pa.RecordBatch.from_pylist([], pa.schema([file.schema_arrow.field(name) for name in columns]))
        yield from _parts(file, columns, None)


@contextmanager
def _opened(path: Path) -> Iterator[pq.ParquetFile]:
    """The file; whatever is wrong with it, found now or while it is read, is one sentence."""
    try:
        # Without buffering ahead: that would hold the whole of a file that is a single group.
        with pq.ParquetFile(path, pre_buffer=False) as file:
            yield file
    except FileNotFoundError:
        raise InputError(f"{path} cannot be read: there is no such file.") from None
    except (OSError, UnicodeDecodeError, pa.ArrowException) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
        raise InputError(f"{path} is not a whole Parquet file: {reason}.") from None


def _check_types(path: Path, fields: Sequence[pa.Field]) -> None:
    """Raise an InputError where a column does not hold what columns of its name do."""
    for field in fields:
        kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        if field.name in (*_TEXTS, *_GAPS):
            fits, words = pa.types.is_string(kind) or pa.types.is_large_string(kind), "text"
        elif field.name in _WHOLE_NUMBERS:
            fits, words = pa.types.is_integer(kind), "whole numbers"
        else:
            fits = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
            words = "numbers"
        if not fits:
            raise InputError(f"{path}: the column {field.name!r} holds {field.type}, not {words}.")


def _check_values(path: Path, table: pa.Table) -> None:
    """Raise an InputError where a value is missing that none may be; ArrowInvalid where a text is not UTF-8."""
    for name, column in zip(table.column_names, table.columns, strict=True):
        if name in (*_WHOLE_NUMBERS, *_TEXTS) and column.null_count:
            raise InputError(f"{path}: the column {name!r} has no value in {column.null_count:,} rows.")
        if name in (*_TEXTS, *_GAPS):
            column.validate(full=True)


def _parts(file: pq.ParquetFile, columns: Sequence[str], documents: DocumentNumbers | None) -> Iterator[pa.RecordBatch]:
    groups = range(file.num_row_groups) if documents is None else _groups_with(file, documents)
    if not len(groups):
        return
    for part in file.iter_batches(ROWS, row_groups=list(groups), columns=list(columns), use_threads=False):
        if documents is not None:
            part = part.filter(pa.array(_is_among(part[DOCUMENT].to_numpy(), documents)))
        yield part


def _groups_with(file: pq.ParquetFile, documents: DocumentNumbers) -> list[int]:
    """The row groups that may have rows of these documents."""
    place = file.schema.names.index(DOCUMENT)
    found = []
    for group in range(file.num_row_groups):
        statistics = file.metadata.row_group(group).column(place).statistics
        if statistics is not None and statistics.has_min_max:
            first, behind = np.searchsorted(documents, [statistics.min, statistics.max + 1])
            if first == behind:
                continue
        found.append(group)
    return found


def _is_among(numbers: npt.NDArray[np.integer], documents: DocumentNumbers) -> npt.NDArray[np.bool_]:
    if not len(documents):
        return np.zeros(len(numbers), dtype=bool)
    place = np.minimum(np.searchsorted(documents, numbers), len(documents) - 1)
    found: npt.NDArray[np.bool_] = documents[place] == numbers
    return found
