"""Thrift's compact protocol, in which a Parquet file says what it holds: every length is held against what is left.

Structures are read by a layout, which says what their fields hold; others are skipped. Readers differ in what they
make of a field that is there twice, of another type, or of a number that is too large for its type. No writer makes
these, so that they count as damage: what is read here is what any other reader reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from attnprobe.base.errors import UnreadableError

_TRUE, _FALSE, _BYTE, _SHORT, _WHOLE, _LONG, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCTURE = range(1, 13)

_FLAGS, _NUMBERS = (_TRUE, _FALSE), (_SHORT, _WHOLE, _LONG)

_BYTES = {_TRUE: 0, _FALSE: 0, _BYTE: 1, _DOUBLE: 8}
"""Of values of one size; yes and no are told apart by the code."""

_DEEPEST = 16
"""Structures and lists within one another; those of Parquet are six."""

_FIELDS = range(1 << 15)


class CutOffError(UnreadableError):
    """The bytes end within what is read."""

    def __init__(self) -> None:
        super().__init__("it is cut off")


class Kind(NamedTuple):
    """What a field holds.

    Attributes:
        codes: by which the protocol says so.
        of: the layout of a structure, or what a list has as entries.
    """

    codes: tuple[int, ...]
    of: Any = None


Layout = Mapping[int, Kind]
"""Of a structure: the number of a field → what it holds."""

FLAG = Kind(_FLAGS)
WHOLE = Kind((_WHOLE,))
"""In 32 bits."""

LONG = Kind((_LONG,))
"""In 64 bits."""

BINARY = Kind((_BINARY,))
"""Bytes, or text in UTF-8."""

ANYTHING = Kind((_STRUCTURE,), {})
"""A structure of which nothing is asked but that it is one."""


def structure(layout: Layout) -> Kind:
    """A field that is a structure itself."""
    return Kind((_STRUCTURE,), layout)


def list_of(kind: Kind) -> Kind:
    """A field that is a list."""
    return Kind((_LIST,), kind)


class CompactReader:
    """Reads structures out of bytes.

    Args:
        content: the bytes; what follows a structure may be there, too.
        most: how many fields and entries of lists there may be in all.
    """

    def __init__(self, content: bytes, most: int) -> None:
        self._content, self._left = content, most

    def structure(self, layout: Layout) -> tuple[dict[int, Any], int]:
        """Those fields of a structure that the layout has, by number, and where the structure ends.

        Raises:
            CutOffError: the bytes end before it does.
            UnreadableError: it is none, or larger than it may be.
        """
        try:
            fields, end = self._structure(layout, 0, 0)
        except IndexError:
            raise CutOffError from None
        return fields, end

    def _structure(self, layout: Layout, place: int, depth: int) -> tuple[dict[int, Any], int]:
        """As :meth:`structure`, of one that begins at a place; raises IndexError where the bytes end."""
        if depth > _DEEPEST:
            raise UnreadableError("structures lie too deep in one another")
        fields: dict[int, Any] = {}
        number, content = 0, self._content
        while head := content[place]:
            place += 1
            code = head & 15
            if head > 15:
                number += head >> 4
            else:
                number, place = self._signed(place, 16)
            self._count(1)
            kind = layout.get(number)
            if kind is None:
                if number not in _FIELDS:
                    raise UnreadableError(f"there is no field {number}")
                place = self._skipped(code, place, depth)
            elif number in fields or code not in kind.codes:
                raise UnreadableError(f"a field {number} is there twice, or of another type than it can be")
            elif code <= _FALSE:
                fields[number] = code == _TRUE
            else:
                fields[number], place = self._value(code, kind, place, depth)
        return fields, place + 1

    def _value(self, code: int, kind: Kind, place: int, depth: int) -> tuple[Any, int]:
        if code in (_LONG, _WHOLE):
            return self._signed(place, 64 if code == _LONG else 32)
        if code == _STRUCTURE:
            return self._structure(kind.of, place, depth + 1)
        if code == _BINARY:
            size, place = self._unsigned(place)
            end = self._behind(place, size)
            return self._content[place:end], end
        code, size, place = self._list_head(place)
        if size and code not in kind.of.codes:
            raise UnreadableError("a list is of another type than it can be")
        entries = []
        for _ in range(size):
            entry, place = self._value(code, kind.of, place, depth + 1)
            entries.append(entry)
        return entries, place

    def _skipped(self, code: int, place: int, depth: int) -> int:
        """Where what begins at a place ends."""
        if code in _NUMBERS:
            while self._content[place] > 127:
                place += 1
            return place + 1
        if code == _BINARY:
            size, place = self._unsigned(place)
            return self._behind(place, size)
        if code == _STRUCTURE:
            return self._structure(_NOTHING, place, depth + 1)[1]
        if code in _BYTES:
            return place + _BYTES[code]
        return self._skipped_entries(code, place, depth + 1)

    def _skipped_entries(self, code: int, place: int, depth: int) -> int:
        """The same of a list, a set or a map."""
        if depth > _DEEPEST:
            raise UnreadableError("lists lie too deep in one another")
        if code in (_LIST, _SET):
            of, size, place = self._list_head(place)
            kinds = [of]
        elif code == _MAP:
            size, place = self._unsigned(place)
            self._count(size)
            of = self._content[place] if size else 0
            kinds, place = [of >> 4, of & 15], place + bool(size)
        else:
            raise UnreadableError(f"there is no type {code}")
        for _ in range(size):
            for kind in kinds:
                place = place + 1 if kind in _FLAGS else self._skipped(kind, place, depth)  # there, these take a byte
        return place

    def _list_head(self, place: int) -> tuple[int, int, int]:
        """What the entries of a list are, how many, and where they begin."""
        head = self._content[place]
        size, place = (head >> 4, place + 1) if head < 0xF0 else self._unsigned(place + 1)
        self._count(size)
        return head & 15, size, place

    def _count(self, entries: int) -> None:
        self._left -= entries
        if self._left < 0:
            raise UnreadableError("it says more of itself than any table has to")

    def _signed(self, place: int, bits: int) -> tuple[int, int]:
        number, place = self._unsigned(place)
        if number >> bits:
            raise UnreadableError("a number is too large for its type")
        return (number >> 1) ^ -(number & 1), place

    def _unsigned(self, place: int) -> tuple[int, int]:
        content = self._content
        byte = content[place]
        if byte < 128:
            return byte, place + 1
        number, shift = byte & 127, 7
        while shift < 70:
            place += 1
            byte = content[place]
            number |= (byte & 127) << shift
            if byte < 128:
                return number, place + 1
            shift += 7
        raise UnreadableError("a number does not end")

    def _behind(self, place: int, size: int) -> int:
        if size > len(self._content) - place:
            raise CutOffError
        return place + size


_NOTHING: Layout = {}
