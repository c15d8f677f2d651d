"""Thrift's compact protocol, written: what the reader of Parquet files is held against, and files that lie."""

import struct

_CODES = {bool: 1, int: 6, float: 7, bytes: 8, list: 9, dict: 12}


class Narrow(int):
    """A whole number of 32 bits; others have 64."""


def varint(number):
    """An unsigned number, seven bits a byte."""
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def zigzag(number):
    """A signed number as an unsigned one."""
    return varint(number << 1 if number >= 0 else (-number << 1) - 1)


def code_of(value):
    """By which the protocol says what a value is."""
    return 5 if isinstance(value, Narrow) else _CODES[type(value)]


def structure(fields):
    """A structure whose fields are numbered: whole numbers, yes and no, bytes, lists of these, structures."""
    out, last = bytearray(), 0
    for number, value in sorted(fields.items()):
        code = 2 if value is False else code_of(value)
        step = number - last
        out += bytes([step << 4 | code]) if 0 < step < 16 else bytes([code]) + zigzag(number)
        if not isinstance(value, bool):
            out += _value(value)
        last = number
    return bytes(out) + b"\0"


def _value(value):
    match value:
        case bool():
            return b"\1" if value else b"\2"
        case int():
            return zigzag(value)
        case float():
            return struct.pack("<d", value)
        case bytes():
            return varint(len(value)) + value
        case dict():
            return structure(value)
    head = code_of(value[0]) if value else 12
    size = bytes([len(value) << 4 | head]) if len(value) < 15 else bytes([0xF0 | head]) + varint(len(value))
    return size + b"".join(map(_value, value))
