"""The pages of a column in a group of rows: what their headers say of them, before anything is unpacked."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from attnprobe.base.errors import UnreadableError
from attnprobe.base.parquet.compact_protocol import (
    FLAG,
    WHOLE,
    CompactReader,
    CutOffError,
    Layout,
    structure,
)
from attnprobe.base.parquet.footers import Chunk

DICTIONARY = 2
"""The type of a page of distinct values."""

_FIRST, _SECOND = 0, 3
"""The types of pages of values, of the format's two versions."""

PLAIN, RUNS, PREFIXED = 0, 3, 7
"""Encodings: values one after another; a value and how often; of each what it has not in common with the one before."""

NUMBERS_OF_OTHERS = (2, 8)
"""Encodings of values as numbers of those in the dictionary."""

_HEADER: Layout = {
    **{1: WHOLE, 2: WHOLE, 3: WHOLE},
    5: structure({1: WHOLE, 2: WHOLE, 4: WHOLE}),
    7: structure({1: WHOLE, 2: WHOLE}),
    8: structure({1: WHOLE, 4: WHOLE, 5: WHOLE, 6: WHOLE, 7: FLAG}),
}
"""What is looked at of it, by the numbers of the format."""

_OF_TYPE = {_FIRST: (5, 2), DICTIONARY: (7, 2), _SECOND: (8, 4)}
"""By the type of a page, in which field more of it is said, and in which of that its encoding."""

_HEADER_BYTES = 256, 16 << 10, 16 << 20
"""That are read where a header begins; one that is not within the first of them has long texts in it."""

_MOST_ENTRIES = 1_000
"""Of a header; those of writers have thirty."""

_MISSED_BYTES = 100
"""By which the pages of a column may pass what older writers say of them."""


class Page(NamedTuple):
    """What the header of a page says.

    Attributes:
        type: ``DICTIONARY``, or another.
        unpacked: its bytes, without the header, once they are unpacked.
        values: how many it has.
        encoding: of these.
        levels: the encoding of how lists begin and go on; None where that stands before what is packed.
        before: how many bytes stand before what is packed, of these first those of lists.
        lists: how many those are.
        is_packed: whether it is, if the column is.
        start, end: where the page, without the header, is in the file.
    """

    type: int
    unpacked: int
    values: int
    encoding: int
    levels: int | None
    before: int
    lists: int
    is_packed: bool
    start: int
    end: int

    @property
    def packed(self) -> int:
        """Its bytes in the file."""
        return self.end - self.start


def pages_of(descriptor: int, chunk: Chunk) -> Iterator[Page]:
    """The pages of a chunk, of which a file is open; they have as many values as it.

    Raises:
        UnreadableError: the header of a page is none, or what it says cannot be so.
        OSError: the file cannot be read.
    """
    place, end, values = chunk.start, chunk.start + chunk.size + _MISSED_BYTES, 0
    while values < chunk.values:
        page = _page(descriptor, place, end)
        if page.type != DICTIONARY:
            values += page.values
        place = page.end
        yield page
    if values != chunk.values:
        raise UnreadableError("the pages of a column have more values than it has")


def _page(descriptor: int, place: int, end: int) -> Page:
    for size in _HEADER_BYTES:
        content = os.pread(descriptor, max(0, min(size, end - place)), place)
        try:
            said, length = (_kept if size == _HEADER_BYTES[0] else _said)(content)
            break
        except CutOffError:
            if len(content) < size:
                raise
    else:
        raise UnreadableError("the header of a page does not end")
    kind, unpacked, packed = (said.get(number, -1) for number in (1, 2, 3))
    more, number = _OF_TYPE.get(kind, (0, 0))
    if more and more not in said:
        raise UnreadableError("a page does not say what it is")
    of = said.get(more, {})
    values, encoding = (of.get(field, -1) for field in (1, number)) if more else (0, PLAIN)
    definitions, lists = (of.get(field, -1) for field in (5, 6)) if kind == _SECOND else (0, 0)
    start = place + length
    if min(kind, unpacked, packed, values, encoding, definitions, lists) < 0 or start + packed > end:
        raise UnreadableError("what a page says of itself cannot be so")
    if definitions + lists > min(packed, unpacked):
        raise UnreadableError("what a page says of itself cannot be so")
    levels = of.get(4) if kind == _FIRST else None
    packs = of.get(7, True)
    return Page(kind, unpacked, values, encoding, levels, definitions + lists, lists, packs, start, start + packed)


def _said(content: bytes) -> tuple[dict[int, Any], int]:
    """What a header says and how many bytes it has; errors as of :meth:`CompactReader.structure`."""
    return CompactReader(content, _MOST_ENTRIES).structure(_HEADER)


_kept = lru_cache(maxsize=4096)(_said)
"""Of short ones, as a run's tables are opened several times each."""
