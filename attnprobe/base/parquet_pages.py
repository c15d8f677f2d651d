"""The pages of a Parquet file: how large each of them is unpacked is known before it is.

Arrow unpacks a page as its header says, and repeats a value as often as the page does. So that a file of some kilobytes
does not become gigabytes, the headers of all pages that are to be read are looked at first. A header is a structure of
Thrift's compact protocol, of which only the numbers in it matter here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from attnprobe.base.bounds import (
    BYTES_A_PAGE,
    FREE_PAGES,
    LARGEST_FOOTER,
    LARGEST_PAGE,
    MOST_COLUMNS,
    MOST_DECODED,
    MOST_GROUPS,
    most_unpacked,
)
from attnprobe.base.errors import InputError
from attnprobe.base.plain_files import open_plain

_VALUE_BYTES = 8
"""That a value counts for beside its bytes in the page: its place, or its length."""

_FOOTER_BYTES = 8
"""The last of a file: the size of what it says of its pages, and a mark."""

_HEADER_BYTES = 256
"""That are read at once where a header begins; most are shorter."""

_PADDING_BYTES = 100
"""By which pages of older writers may pass what is said of them."""

_PLAIN, _PREFIXED = 0, 7
"""Encodings of values: one after another; each behind as much of the value before it as both begin with."""

_DICTIONARY = 2
"""The type of a page of distinct values."""

_BYTES = ("BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY")
"""Types of values that may be long."""


class _Page(NamedTuple):
    """What the header of a page says.

    Attributes:
        type: ``_DICTIONARY``, or another.
        unpacked, packed: its bytes, without the header.
        values: how many it has.
        encoding: of these.
        behind: where the next page begins.
    """

    type: int
    unpacked: int
    packed: int
    values: int
    encoding: int
    behind: int


def check_footer(path: Path) -> None:
    """Before a Parquet file is opened: whether it says more of its pages than any needs to.

    Raises:
        InputError: it does, or is no file.
        OSError: it is not there, or may not be read.
    """
    with open_plain(path, buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        footer = int.from_bytes(os.pread(file.fileno(), 4, max(size - _FOOTER_BYTES, 0)), "little")
    if LARGEST_FOOTER < footer <= size:
        raise InputError(f"{path}: it says more than {LARGEST_FOOTER:,} bytes of its pages, as no table does.")


def check_shape(path: Path, file: pq.ParquetFile) -> None:
    """Raise an InputError where an open file has more columns, groups of rows, or rows than one of its size can."""
    metadata, size = file.metadata, path.stat().st_size
    for count, most, what in (
        (metadata.num_columns, MOST_COLUMNS, "columns"),
        (metadata.num_row_groups, MOST_GROUPS, "groups of rows"),
    ):
        if count > most:
            raise InputError(f"{path}: it has {count:,} {what}; a table may have {most:,} at most.")
    rows = sum(metadata.row_group(group).num_rows for group in range(metadata.num_row_groups))
    if rows * _VALUE_BYTES > most_unpacked(size):
        raise InputError(f"{path}: it says that its {size:,} bytes are {rows:,} rows, as no data are.")


def rows_at_once(
    path: Path, file: pq.ParquetFile, columns: Sequence[str] | None, groups: Sequence[int], most: int
) -> int:
    """How many rows may be decoded at once, after a look at the headers of all pages that are to be read.

    Args:
        path: of the file.
        file: the same, open.
        columns: that are to be read; None for all.
        groups: of rows, that are to be read.
        most: rows that are asked for.

    Returns:
        ``most``, or fewer where a text is so long that many, or one many times, would take too much memory.

    Raises:
        InputError: a page, or the values of one, would unpack to more than data can.
        ArrowInvalid: the header of a page cannot be read.
        OSError: the file cannot be read.
    """
    metadata, longest, count = file.metadata, 1, 0
    numbers = _numbers_of(metadata, columns)
    with open_plain(path, buffering=0) as raw:
        most_pages = FREE_PAGES + os.fstat(raw.fileno()).st_size // BYTES_A_PAGE
        for group in groups:
            for number in numbers:
                chunk = metadata.row_group(group).column(number)
                nested = metadata.schema.column(number).max_repetition_level > 0
                packed = values = 0
                for page in _pages(raw.fileno(), chunk):
                    count += 1
                    packed, values = packed + page.packed, values + page.values
                    if page.unpacked > LARGEST_PAGE or _passes(page.packed, page.unpacked, page.values):
                        raise _too_large(path, chunk, f"a page of {page.packed:,} bytes", page.unpacked, page.values)
                    if chunk.physical_type in _BYTES and _repeats(page):
                        longest = max(longest, page.unpacked)
                    if count > most_pages:
                        raise InputError(f"{path}: it has more than {most_pages:,} pages, as no file of its size does.")
                if nested and _passes(packed, 0, values):  # all of them may be of one row
                    raise _too_large(path, chunk, f"{packed:,} bytes", 0, values)
    return max(1, min(most, MOST_DECODED // longest))


def _repeats(page: _Page) -> bool:
    """Whether a value, which may be as long as the page, may come of it many times."""
    return page.type == _DICTIONARY or page.encoding == _PREFIXED


def _passes(packed: int, unpacked: int, values: int) -> bool:
    return unpacked + values * _VALUE_BYTES > most_unpacked(packed)


def _too_large(path: Path, chunk: pq.ColumnChunkMetaData, what: str, unpacked: int, values: int) -> InputError:
    return InputError(
        f"{path}, column {chunk.path_in_schema!r}: {what} would unpack to {unpacked:,} bytes and {values:,} values, "
        "as no data do."
    )


def _numbers_of(metadata: pq.FileMetaData, columns: Sequence[str] | None) -> list[int]:
    """The columns of the file that these columns of the table are in, and perhaps some more."""
    roots = None if columns is None else {column.partition(".")[0] for column in columns}
    return [
        number
        for number in range(metadata.num_columns)
        if roots is None or metadata.schema.column(number).path.partition(".")[0] in roots
    ]


def _pages(descriptor: int, chunk: pq.ColumnChunkMetaData) -> Iterator[_Page]:
    """The pages of a column in a group of rows, one after another."""
    start = chunk.data_page_offset
    if chunk.dictionary_page_offset is not None and 0 < chunk.dictionary_page_offset < start:
        start = chunk.dictionary_page_offset
    end, values = start + chunk.total_compressed_size + _PADDING_BYTES, 0
    while start < end and values < chunk.num_values:
        page = _Header(descriptor, start, end).page()
        if page.packed < 0 or page.unpacked < 0 or page.values < 0:
            raise pa.ArrowInvalid("A page has a negative size")
        if page.type != _DICTIONARY:
            values += page.values
        start = page.behind
        yield page


class _Header:
    """The header of a page, read as Thrift's compact protocol has it.

    Args:
        descriptor: of the file.
        start: where the header begins.
        end: what it does not pass.
    """

    def __init__(self, descriptor: int, start: int, end: int) -> None:
        self._descriptor, self._end = descriptor, end
        self._offset, self._bytes, self._place = start, b"", 0

    def page(self) -> _Page:
        """What it says; raises ArrowInvalid where it is none."""
        said = self._structure(0)
        of: dict[int, Any] = next((said[number] for number in (5, 7, 8) if isinstance(said.get(number), dict)), {})
        encoding = of.get(4 if 8 in said else 2, _PLAIN)
        numbers = [said.get(1), said.get(2), said.get(3), of.get(1, 0), encoding]
        kind, unpacked, packed, values, encoding = (number if type(number) is int else -1 for number in numbers)
        if kind < 0 or encoding < 0:
            raise pa.ArrowInvalid("The header of a page is damaged")
        return _Page(kind, unpacked, packed, values, encoding, self._offset + self._place + packed)

    def _structure(self, depth: int) -> dict[int, Any]:
        if depth > _DEEPEST:
            raise pa.ArrowInvalid("The header of a page is damaged")
        fields: dict[int, Any] = {}
        number = 0
        while head := self._byte():
            number = number + (head >> 4) if head >> 4 else self._whole()
            fields[number] = self._value(head & 15, depth)
        return fields

    def _value(self, kind: int, depth: int) -> Any:  # noqa: ANN401
        if kind not in _READERS:
            raise pa.ArrowInvalid("The header of a page is damaged")
        return _READERS[kind](self, depth)

    def _list(self, depth: int) -> None:
        head = self._byte()
        for _ in range(head >> 4 if head >> 4 < 15 else self._unsigned()):
            self._value(head & 15, depth + 1)

    def _whole(self) -> int:
        number = self._unsigned()
        return (number >> 1) ^ -(number & 1)

    def _unsigned(self) -> int:
        number = shift = 0
        while shift < 64:
            byte = self._byte()
            number |= (byte & 127) << shift
            if byte < 128:
                return number
            shift += 7
        raise pa.ArrowInvalid("The header of a page is damaged")

    def _skip(self, size: int) -> None:
        self._place += size

    def _byte(self) -> int:
        if self._place >= len(self._bytes):
            self._offset += self._place
            self._bytes, self._place = b"", 0
            if self._offset < self._end:
                self._bytes = os.pread(self._descriptor, _HEADER_BYTES, self._offset)
            if not self._bytes:
                raise pa.ArrowInvalid("The header of a page is cut off")
        self._place += 1
        return self._bytes[self._place - 1]


_DEEPEST = 8

_READERS: dict[int, Callable[[_Header, int], Any]] = {
    1: lambda header, depth: True,
    2: lambda header, depth: False,
    3: lambda header, depth: header._byte(),
    **dict.fromkeys((4, 5, 6), lambda header, depth: header._whole()),
    7: lambda header, depth: header._skip(8),
    8: lambda header, depth: header._skip(header._unsigned()),
    **dict.fromkeys((9, 10), lambda header, depth: header._list(depth)),
    12: lambda header, depth: header._structure(depth + 1),
}
"""By the types of the compact protocol."""
