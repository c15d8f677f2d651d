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
import pyarrow.compute as pc

from attnprobe.base.errors import InputError, UnreadableError
from attnprobe.base.parquet.bounded_files import BoundedParquet, opened_parquet
from attnprobe.runs.table_checks import DOCUMENT, RowOrder, Rows, check_types, check_values, plain

DocumentNumbers = npt.NDArray[np.int64]
"""As in the column ``document`` of every table (numbers,), ascending, each once."""

ROWS = 1 << 14
"""Of a part, at most."""


def columns_of_table(path: Path) -> list[str]:
    """The names of a table's columns.

    Raises:
        InputError: the file is missing or cannot be read.
    """
    with _opened(path) as file:
        return file.names


def rows_of_table(path: Path) -> int:
    """How many rows a table has; raises as :func:`columns_of_table`."""
    with _opened(path) as file:
        return file.rows


def metadata_of_table(path: Path) -> dict[bytes, bytes]:
    """What a table says of itself, ``attnprobe`` what it was made by; raises as :func:`columns_of_table`."""
    with _opened(path) as file:
        return file.metadata


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
    only: tuple[str, str] | None = None,
    *,
    distributions: bool = False,
) -> pd.DataFrame:
    """Rows of a table, in its order, of documents in ascending order; text that repeats (``ordering``) is categorical.

    Args:
        path: the file, whose name says which columns it has.
        columns: which; by default all.
        documents: whose rows; by default all.
        only: the name of a column of names, and which one it is to hold; by default any.
        distributions: whether what the run's model says is known to be a distribution, of which no value is missing.

    Raises:
        InputError: the file is missing or cannot be read, or lacks a column; a value is none that its column can have;
            rows are out of order or there twice.
    """
    with _opened(path) as file:
        names = list(file.names if columns is None else columns)
        needed = [DOCUMENT] * (documents is not None) + ([] if only is None else [only[0]])
        wanted = [*(name for name in needed if name not in names), *names]
        check_columns(path, wanted, file.names)
        parts = [pa.Table.from_batches([part]) for part in _parts(file, path, wanted, documents, only, distributions)]
        table = pa.concat_tables(parts).select(names)
        frame: pd.DataFrame = table.unify_dictionaries().to_pandas()
        return frame


def table_parts(path: Path, columns: Sequence[str], *, distributions: bool = False) -> Iterator[pa.RecordBatch]:
    """These columns of a table, ``ROWS`` rows at a time, at least one part; else as :func:`read_table`."""
    with _opened(path) as file:
        check_columns(path, columns, file.names)
        yield from _parts(file, path, columns, None, None, distributions)


def groups_of_table(path: Path) -> Iterator[pa.Table]:
    """All columns of a table, as they are, a group of rows after the other; raises as :func:`columns_of_table`."""
    with _opened(path) as file:
        for group in range(len(file.rows_of_groups)):
            yield file.table(groups=[group])


@contextmanager
def _opened(path: Path) -> Iterator[BoundedParquet]:
    """The file; whatever is wrong with it, found now or while it is read, is one sentence."""
    try:
        with opened_parquet(path) as file:
            yield file
    except FileNotFoundError:
        raise InputError(f"{path} cannot be read: there is no such file.") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from None
    except UnreadableError as error:
        raise InputError(f"{path} is not a whole Parquet file: {error}.") from None


def _parts(
    file: BoundedParquet,
    path: Path,
    columns: Sequence[str],
    documents: DocumentNumbers | None,
    only: tuple[str, str] | None,
    distributions: bool,
) -> Iterator[pa.RecordBatch]:
    """What is wanted, checked, in parts; one without rows where there is nothing else."""
    schema = pa.schema([file.schema.field(name) for name in columns])
    check_types(path, list(schema))
    sizes = file.rows_of_groups
    groups = list(range(len(sizes))) if documents is None else _groups_with(file, documents)
    places, order, done = _PlacesInFile(sizes, groups), RowOrder(path), 0
    for part in file.batches(ROWS, columns, groups):
        rows = places.next(len(part))
        check_values(path, part, rows, distributions=distributions)
        done += len(part)
        if documents is not None:
            among = _is_among(part[DOCUMENT].to_numpy(), documents)
            part, rows = part.filter(pa.array(among)), rows[among]
        if only is not None:
            held = pc.equal(part[only[0]], only[1])
            part, rows = part.filter(held), rows[held.to_numpy(zero_copy_only=False)]
        order.check(part, rows)
        yield plain(part)
    if not done:
        columns_of_nothing = [column.combine_chunks() for column in schema.empty_table().columns]
        yield plain(pa.RecordBatch.from_arrays(columns_of_nothing, names=schema.names))


class _PlacesInFile:
    """Where the rows of some row groups stand in their file, as they are read one after another."""

    def __init__(self, rows_of_groups: Sequence[int], groups: Sequence[int]) -> None:
        sizes, chosen = np.array(rows_of_groups, dtype=int), np.asarray(groups, dtype=int)
        self._behind = np.cumsum(sizes[chosen])
        self._skipped = (np.cumsum(sizes) - sizes)[chosen] - (self._behind - sizes[chosen])
        self._done = 0

    def next(self, count: int) -> Rows:
        """Of the next rows (count,)."""
        read = np.arange(self._done, self._done + count, dtype=np.int64)
        self._done += count
        rows: Rows = read + self._skipped[np.searchsorted(self._behind, read, side="right")]
        return rows


def _groups_with(file: BoundedParquet, documents: DocumentNumbers) -> list[int]:
    """The row groups that may have rows of these documents."""
    found = []
    for group, extent in enumerate(file.extents(DOCUMENT)):
        if extent is not None:
            least, greatest = extent
            if np.searchsorted(documents, least) == np.searchsorted(documents, greatest, side="right"):
                continue
        found.append(group)
    return found


def _is_among(numbers: npt.NDArray[np.integer], documents: DocumentNumbers) -> npt.NDArray[np.bool_]:
    if not len(documents):
        return np.zeros(len(numbers), dtype=bool)
    place = np.minimum(np.searchsorted(documents, numbers), len(documents) - 1)
    found: npt.NDArray[np.bool_] = documents[place] == numbers
    return found
