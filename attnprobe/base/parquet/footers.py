"""The end of a Parquet file, where it says what it holds: its columns, groups of rows, and where their pages are."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from attnprobe.base.bounds import LONGEST_NAME, MOST_COLUMNS, MOST_FOOTER_BYTES, MOST_FOOTER_ENTRIES, most_unpacked
from attnprobe.base.errors import InputError, UnreadableError
from attnprobe.base.parquet.compact_protocol import (
    ANYTHING,
    BINARY,
    LONG,
    WHOLE,
    CompactReader,
    Layout,
    list_of,
    structure,
)

VALUE_BYTES = 8
"""That a value counts for at least, however little it takes in the file."""

TEXT, TEXT_OF_ONE_LENGTH = 6, 7
"""Types of values that are bytes."""

_WHOLE_NUMBERS = {1: 4, 2: 8}
"""Types of values, and their bytes."""

_TYPES = range(8)

_MARK = b"PAR1"

_OF_ARROW = b"ARROW:schema"
"""Among what a writer says: the columns once more, for Arrow alone."""

_SIZE_BYTES = 4

_REPEATED = 2
"""Said of what stands in a row any number of times."""

_DEEPEST = 30
"""Columns that consist of columns."""

_COLUMN: Layout = {1: WHOLE, 4: WHOLE, 5: LONG, 7: LONG, 9: LONG, 11: LONG, 12: structure({5: BINARY, 6: BINARY})}

_FOOTER: Layout = {
    2: list_of(structure({1: WHOLE, 2: WHOLE, 3: WHOLE, 4: BINARY, 5: WHOLE})),
    3: LONG,
    4: list_of(structure({1: list_of(structure({1: BINARY, 3: structure(_COLUMN), 8: ANYTHING})), 3: LONG})),
    5: list_of(structure({1: BINARY, 2: BINARY})),
    8: ANYTHING,
}
"""What is looked at of it, by the numbers of the format."""


class Leaf(NamedTuple):
    """A column of single values; a column of lists has one of their entries.

    Attributes:
        path: its name behind those of what it is a part of, a dot between them.
        repeated: within how many lists it lies.
        type: of its values, by the number of the format.
        length: bytes of a ``TEXT_OF_ONE_LENGTH``.
    """

    path: str
    repeated: int
    type: int
    length: int


class Chunk(NamedTuple):
    """The pages of a column in a group of rows.

    Attributes:
        codec: by which they are compressed, by the number of the format.
        values: how many there are.
        start, size: where they are in the file, in bytes.
        least, greatest: of the values, as bytes; None where that is not said.
    """

    codec: int
    values: int
    start: int
    size: int
    least: bytes | None
    greatest: bytes | None


class Group(NamedTuple):
    """Rows whose columns are stored together: as many chunks as the file has leaves."""

    rows: int
    chunks: list[Chunk]


class Footer(NamedTuple):
    """What a file says of itself.

    Attributes:
        size: bytes of the whole file.
        leaves: its columns.
        groups: of its rows.
        metadata: what whoever wrote it says of it.
    """

    size: int
    leaves: list[Leaf]
    groups: list[Group]
    metadata: dict[bytes, bytes]

    @property
    def rows(self) -> int:
        """Of all groups."""
        return sum(group.rows for group in self.groups)

    def leaves_of(self, columns: Sequence[str] | None) -> list[int]:
        """The places of the leaves that columns of these names consist of, and perhaps of more; of all for None."""
        if columns is None:
            return list(range(len(self.leaves)))
        begun = tuple(f"{column}." for column in columns)
        return [place for place, leaf in enumerate(self.leaves) if f"{leaf.path}.".startswith(begun)]

    def extents(self, column: str) -> list[tuple[int, int] | None]:
        """Between which whole numbers a column's are in each of the groups; None where that is not said."""
        place = next((place for place, leaf in enumerate(self.leaves) if leaf.path == column), None)
        if place is None or self.leaves[place].type not in _WHOLE_NUMBERS:
            return [None] * len(self.groups)
        size = _WHOLE_NUMBERS[self.leaves[place].type]
        return [_extent(group.chunks[place], size) for group in self.groups]


def read_footer(path: Path, descriptor: int) -> Footer:
    """What an open file says of itself, as far as it can be so.

    Args:
        path: of the file.
        descriptor: of the same.

    Raises:
        InputError: it says that it holds more than a file of its size does, or says more than it may.
        UnreadableError: it is no Parquet file, or what it says cannot be so.
        OSError: it cannot be read.
    """
    size = os.fstat(descriptor).st_size
    last = os.pread(descriptor, _SIZE_BYTES + len(_MARK), max(size - _SIZE_BYTES - len(_MARK), 0))
    if os.pread(descriptor, len(_MARK), 0) != _MARK or last[_SIZE_BYTES:] != _MARK:
        raise UnreadableError("it does not begin and end as one")
    length = int.from_bytes(last[:_SIZE_BYTES], "little")
    start = size - len(last) - length
    if start < len(_MARK):
        raise UnreadableError("it is cut off")
    if length > MOST_FOOTER_BYTES:
        raise InputError(f"{path}: it says more than {MOST_FOOTER_BYTES:,} bytes of itself, as no table has to.")
    footer = Footer(size, *(_kept if length <= _SHORT else _parsed)(path, os.pread(descriptor, length, start)))
    if footer.rows * VALUE_BYTES > most_unpacked(size):
        raise InputError(f"{path}: it says that its {size:,} bytes are {footer.rows:,} rows, as no data are.")
    if sum(chunk.size for group in footer.groups for chunk in group.chunks) > start:
        raise UnreadableError("its columns have more bytes than there are")
    return footer


def _parsed(path: Path, content: bytes) -> tuple[list[Leaf], list[Group], dict[bytes, bytes]]:
    """What a footer says."""
    said, _ = CompactReader(content, MOST_FOOTER_ENTRIES).structure(_FOOTER)
    if 8 in said:
        raise UnreadableError("it is encrypted")
    leaves = _leaves(path, said.get(2, []))
    groups = [_group(group, leaves) for group in said.get(4, [])]
    if said.get(3) != sum(group.rows for group in groups):
        raise UnreadableError("its groups of rows have other rows than it has")
    metadata = {entry.get(1, b""): entry.get(2, b"") for entry in said.get(5, [])}
    metadata.pop(_OF_ARROW, None)
    return leaves, groups, metadata


_SHORT = 1 << 16
"""Bytes of footers that are kept."""

_kept = lru_cache(maxsize=64)(_parsed)
"""Of short ones, as a run's tables are opened several times each."""


def _leaves(path: Path, elements: list[dict[int, Any]]) -> list[Leaf]:
    """Of a tree, in which each element is followed by those that it consists of."""
    if not elements:
        raise UnreadableError("it says nothing of its columns")
    leaves: list[Leaf] = []
    above = [(_children(elements[0]), "", 0)]  # how many are to come, of what, and within how many lists
    for element in elements[1:]:
        while above and not above[-1][0]:
            above.pop()
        if not above or len(above) > _DEEPEST:
            raise UnreadableError("its columns make no tree, or a very deep one")
        left, beginning, repeated = above[-1]
        above[-1] = left - 1, beginning, repeated
        name = beginning + element.get(4, b"").decode(errors="backslashreplace")
        if len(name) > LONGEST_NAME:
            raise InputError(f"{path}: a column's name has {len(name):,} characters, and may have {LONGEST_NAME:,}.")
        repeated += element.get(3) == _REPEATED
        if _children(element) or 1 not in element:
            above.append((_children(element), f"{name}.", repeated))
            continue
        length = element.get(2, 0)
        if element[1] not in _TYPES or length < 0:
            raise UnreadableError(f"there is no type of the column {name!r}")
        leaves.append(Leaf(name, repeated, element[1], length))
        if len(leaves) > MOST_COLUMNS:
            raise InputError(f"{path}: there are more than {MOST_COLUMNS:,} columns.")
    if any(left for left, *_ in above):
        raise UnreadableError("its columns make no tree")
    return leaves


def _children(element: dict[int, Any]) -> int:
    count: int = element.get(5, 0)
    if count < 0:
        raise UnreadableError("its columns make no tree")
    return count


def _group(said: dict[int, Any], leaves: list[Leaf]) -> Group:
    rows, chunks = said.get(3, -1), said.get(1, [])
    if rows < 0 or len(chunks) != len(leaves):
        raise UnreadableError("a group of rows lacks columns")
    return Group(rows, [_chunk(chunk, leaf, rows) for chunk, leaf in zip(chunks, leaves, strict=True)])


def _chunk(said: dict[int, Any], leaf: Leaf, rows: int) -> Chunk:
    if 8 in said:
        raise UnreadableError("it is encrypted")
    column = said.get(3, {})
    codec, values, size, start = (column.get(number, -1) for number in (4, 5, 7, 9))
    fits = column.get(1) == leaf.type and (leaf.repeated or values == rows)
    if 1 in said or min(codec, values, size, start) < 0 or not fits:
        raise UnreadableError(f"what it says of the column {leaf.path!r} cannot be so")
    dictionary = column.get(11, 0)
    statistics = column.get(12, {})
    return Chunk(
        codec, values, dictionary if 0 < dictionary < start else start, size, statistics.get(6), statistics.get(5)
    )


def _extent(chunk: Chunk, size: int) -> tuple[int, int] | None:
    least, greatest = chunk.least, chunk.greatest
    if least is None or greatest is None or {len(least), len(greatest)} != {size}:
        return None
    return int.from_bytes(least, "little", signed=True), int.from_bytes(greatest, "little", signed=True)
