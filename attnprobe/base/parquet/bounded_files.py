"""Parquet files, opened and read: the only place where pyarrow is given one that anyone may have made.

What a file says of itself is read here first, and what pyarrow has read of that is not asked for: it ends the process
where what is said of a column is damaged.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from attnprobe.base.errors import UnreadableError
from attnprobe.base.expansion import Expansion
from attnprobe.base.parquet.footers import VALUE_BYTES, read_footer
from attnprobe.base.parquet.memory import Estimate
from attnprobe.base.plain_files import open_plain

_BUFFER_BYTES = 1 << 20
"""Of a column, that are read at once: it may be as large as the file."""


_BYTES = (pa.string(), pa.large_string(), pa.binary(), pa.large_binary())


class BoundedParquet:
    """An open Parquet file, of which no more is unpacked than data can be; its rows are gone through once.

    Args:
        file: the file, open.
        path: of the same.
        checksums: whether pages that carry a checksum are held against it.

    Attributes:
        schema: its columns, as Arrow has them.
        metadata: what whoever wrote it says of it.
        names: of the columns.
        rows: how many it has.
        rows_of_groups: the same of each of its groups.

    Raises:
        InputError: it holds more than a file of its size can, or says more of itself than any has to.
        UnreadableError: it is no Parquet file, or cannot be read.
    """

    def __init__(self, file: BinaryIO, path: Path, *, checksums: bool = False) -> None:
        with _damage():
            self._footer = read_footer(path, file.fileno())
            self._parquet = pq.ParquetFile(
                file, buffer_size=_BUFFER_BYTES, pre_buffer=False, page_checksum_verification=checksums
            )
            self.schema: pa.Schema = self._parquet.schema_arrow
            self.names: list[str] = self.schema.names  # which may be no text
        self._estimate = Estimate(path, file.fileno(), self._footer)
        self._expansion = Expansion(path, self._footer.size)
        self.metadata = dict(self._footer.metadata)
        self.rows = self._footer.rows
        self.rows_of_groups = [group.rows for group in self._footer.groups]

    def extents(self, column: str) -> list[tuple[int, int] | None]:
        """Between which whole numbers a column's are in each of the groups; None where that is not said."""
        return self._footer.extents(column)

    def batches(
        self, rows: int, columns: Sequence[str] | None = None, groups: Sequence[int] | None = None
    ) -> Iterator[pa.RecordBatch]:
        """The rows, some after another.

        Args:
            rows: how many at once; fewer are where their values are very long.
            columns: which; by default all.
            groups: the numbers of groups of rows; by default all.

        Raises:
            InputError: they would unpack to more than data do, or one takes too much memory.
            UnreadableError: they cannot be read.
        """
        groups = range(len(self.rows_of_groups)) if groups is None else groups
        for together in self._read_together(columns, groups):
            with _damage():
                at_once = self._estimate.rows_at_once(columns, together, rows)
                batches = self._parquet.iter_batches(
                    at_once, row_groups=together, columns=None if columns is None else list(columns), use_threads=False
                )
            left = sum(self.rows_of_groups[group] for group in together)
            while True:
                with _damage():
                    batch = next(batches, None)
                    left -= 0 if batch is None else len(batch)
                    if left < 0 or (left and batch is None):
                        raise UnreadableError("its groups of rows have other rows than it says")
                    if batch is None:
                        break
                    self._expansion.add(sum(map(decoded_bytes, batch.columns)))
                yield batch

    def table(self, columns: Sequence[str] | None = None, groups: Sequence[int] | None = None) -> pa.Table:
        """The rows, all at once; arguments and errors as of :meth:`batches`."""
        batches = list(self.batches(max(1, self.rows), columns, groups))
        names = [name for name in self.names if columns is None or name in columns]
        table: pa.Table = pa.Table.from_batches(batches) if batches else self.schema.empty_table().select(names)
        return table.unify_dictionaries().combine_chunks() if len(batches) > 1 else table

    def _read_together(self, columns: Sequence[str] | None, groups: Sequence[int]) -> list[list[int]]:
        """Groups of rows: of lists that go on where a group ends, one group after the other."""
        leaves = self._footer.leaves
        lists = any(leaves[place].repeated for place in self._footer.leaves_of(columns))
        return [[group] for group in groups] if lists else [list(groups)] if groups else []


@contextmanager
def opened_parquet(path: Path, *, checksums: bool = False) -> Iterator[BoundedParquet]:
    """A file that is opened and closed; arguments and errors as of the class, and OSError where it is not there."""
    with open_plain(path) as file:
        yield BoundedParquet(file, path, checksums=checksums)


def metadata_of(path: Path) -> dict[bytes, bytes]:
    """What whoever wrote a file says of it; errors as of :func:`opened_parquet`."""
    with opened_parquet(path) as file:
        return file.metadata


@contextmanager
def _damage() -> Iterator[None]:
    """Within, whatever pyarrow says of a file is that it is damaged."""
    try:
        yield
    except (OSError, UnicodeDecodeError, pa.ArrowException) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UnreadableError(reason.rstrip(".")) from error


def decoded_bytes(values: pa.Array) -> int:
    """What values take where each stands for itself."""
    kind = values.type
    if not _is_more_than_held(kind):
        return int(values.nbytes)
    if pa.types.is_dictionary(kind):
        lengths = pc.binary_length(values.dictionary).take(values.indices)
        return int(values.indices.nbytes) + (pc.sum(lengths).as_py() or 0)
    entries = values.flatten()
    return VALUE_BYTES * len(entries) + decoded_bytes(entries)


@lru_cache(maxsize=256)
def _is_more_than_held(kind: pa.DataType) -> bool:
    """Whether values of a type may be more than Arrow takes for them: texts that others refer to, lists of nothing."""
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        of = kind.value_type
        return pa.types.is_null(of) or pa.types.is_boolean(of) or _is_more_than_held(of)
    return bool(pa.types.is_dictionary(kind) and kind.value_type in _BYTES)
