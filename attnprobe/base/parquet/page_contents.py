"""What is in a page of a Parquet file that decides how much memory its values take: long texts, and long lists."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Iterator
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from attnprobe.base.errors import UnreadableError
from attnprobe.base.parquet.page_headers import DICTIONARY, RUNS, Page

_CODECS = {1: "snappy", 2: "gzip", 4: "brotli", 6: "zstd", 7: "lz4_raw"}
"""By the number of the format; others are of old."""

_NOT_PACKED = 0

_SIZE = struct.Struct("<I")
"""Before a text, and before what says how lists begin and go on."""

_FEW_BYTES = 16
"""So many are looked at one by one sooner than all at once."""

_AT_ONCE = 1 << 20
"""Levels, a multiple of eight."""


def longest_text(descriptor: int, codec: int, dictionary: Page) -> int:
    """The bytes of the longest text of a dictionary, or more, where it cannot be unpacked here.

    Args:
        descriptor: of the file, which is open.
        codec: of the chunk that the page is of.
        dictionary: the page.

    Raises:
        UnreadableError: the page is not what it says.
        OSError: the file cannot be read.
    """
    content = _unpacked(descriptor, codec, dictionary)
    if content is None:
        return dictionary.unpacked
    longest = place = 0
    try:
        for _ in range(dictionary.values):
            (size,) = _SIZE.unpack_from(content, place)
            place += _SIZE.size + size
            if size > longest:
                longest = size
    except struct.error:
        place = len(content) + 1
    if place > len(content):
        raise UnreadableError("a dictionary has fewer values than it says")
    return longest


def longest_list(descriptor: int, codec: int, pages: Iterable[Page], repeated: int) -> int | None:
    """Of how many values the longest row of a column of lists consists; None where it cannot be found out here.

    Args:
        descriptor: of the file, which is open.
        codec: of the chunk.
        pages: of the chunk, in order.
        repeated: within how many lists its values lie.

    Raises:
        UnreadableError: a page is not what it says.
        OSError: the file cannot be read.
    """
    longest = current = 0
    for page in pages:
        if page.type == DICTIONARY or not page.values:
            continue
        levels = _levels(descriptor, codec, page)
        if levels is None:
            return None
        for run in _runs(levels, repeated.bit_length(), page.values):
            longest = max(longest, current + run.going_on, run.longest)
            current = run.begun or current + run.going_on
    return max(longest, current)


class _Run(NamedTuple):
    """Values of which it is said together whether a row begins with them.

    Attributes:
        going_on: how many stand before the first with which one begins.
        longest: of how many the longest row consists that begins and ends among them.
        begun: how many there are from the last with which one begins; none, where there is no such one.
    """

    going_on: int
    longest: int
    begun: int

    @classmethod
    def of(cls, begins: npt.NDArray[np.bool_]) -> _Run:
        """As it is of each of some values whether a row begins with it (values,)."""
        places = np.flatnonzero(begins)
        if not len(places):
            return cls(len(begins), 0, 0)
        longest = int(np.diff(places).max(initial=0))
        return cls(int(places[0]), longest, len(begins) - int(places[-1]))


def _runs(levels: bytes, width: int, values: int) -> Iterator[_Run]:
    """The runs that levels of so many bits each consist of: of equal ones, or of eight each and any."""
    place, left = 0, values
    while left > 0:
        head, place = _number(levels, place)
        size = (head >> 1) * width if head & 1 else -(-width // 8)
        count = min((head >> 1) * 8 if head & 1 else head >> 1, left)
        content, place, left = levels[place : place + size], place + size, left - count
        if 8 * len(content) < (count if head & 1 else 1) * width:
            raise UnreadableError("a page has fewer values than it says")
        if head & 1:
            yield from _any_of_them(content, width, count)
        elif count:
            yield _Run(count, 0, 0) if any(content) else _Run(0, int(count > 1), 1)


def _any_of_them(content: bytes, width: int, count: int) -> Iterator[_Run]:
    """Runs of so many levels, which stand one after another."""
    if width == 1 and len(content) <= _FEW_BYTES and count == 8 * len(content):
        yield from map(_of_byte, content)
        return
    for place in range(0, count, _AT_ONCE):
        some = min(_AT_ONCE, count - place)
        bits = np.frombuffer(content, np.uint8, -(-some * width // 8), place * width // 8)
        levels = np.unpackbits(bits, count=some * width, bitorder="little").reshape(some, width)
        yield _Run.of(levels.max(axis=1) == 0)


@cache
def _of_byte(byte: int) -> _Run:
    """Of eight values, with each of which a row begins where the bit is not set."""
    return _Run.of(np.unpackbits(np.array([byte], np.uint8), bitorder="little") == 0)


def _number(levels: bytes, place: int) -> tuple[int, int]:
    """A number of any length that begins there, and where it ends."""
    number = shift = 0
    while place < len(levels) and shift < 35:
        byte = levels[place]
        number, place, shift = number | (byte & 127) << shift, place + 1, shift + 7
        if byte < 128:
            return number, place
    raise UnreadableError("a page has fewer values than it says")


def _levels(descriptor: int, codec: int, page: Page) -> bytes | None:
    """What a page says of how its lists begin and go on; None where it cannot be unpacked here."""
    if page.levels is None:
        return _read(descriptor, page.start, page.lists)
    content = _unpacked(descriptor, codec, page) if page.levels == RUNS else None
    if content is None:
        return None
    size = int.from_bytes(content[: _SIZE.size], "little")
    if size > len(content) - _SIZE.size:
        raise UnreadableError("a page has fewer values than it says")
    return content[_SIZE.size : _SIZE.size + size]


def _unpacked(descriptor: int, codec: int, page: Page) -> bytes | None:
    """A page of which nothing stands before what is packed."""
    content = _read(descriptor, page.start, page.packed)
    if codec == _NOT_PACKED:
        return content
    if codec not in _CODECS:
        return None
    try:
        unpacked: bytes = pa.decompress(content, page.unpacked, _CODECS[codec], asbytes=True)
    except (OSError, pa.ArrowException) as error:
        raise UnreadableError("a page cannot be unpacked") from error
    return unpacked


def _read(descriptor: int, start: int, size: int) -> bytes:
    content = os.pread(descriptor, size, start)
    if len(content) < size:
        raise UnreadableError("it is cut off")
    return content
