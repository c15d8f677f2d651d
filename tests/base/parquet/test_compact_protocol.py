"""Thrift's compact protocol is read as it is written, and whatever else comes is refused, soon."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnprobe.base.errors import UnreadableError
from attnprobe.base.parquet.compact_protocol import (
    BINARY,
    FLAG,
    LONG,
    WHOLE,
    CompactReader,
    CutOffError,
    Kind,
    list_of,
    structure,
)
from tests.fixtures import compact_writing
from tests.fixtures.compact_writing import Narrow, varint, zigzag

SCALARS = (
    (LONG, st.integers(-(2**63), 2**63 - 1)),
    (WHOLE, st.integers(-(2**31), 2**31 - 1).map(Narrow)),
    (BINARY, st.binary(max_size=300)),
)


@st.composite
def values(draw, depth=0):
    """A kind, and a value of it."""
    which = draw(st.integers(0, 5 if depth < 3 else 3))
    if which < 3:
        kind, drawn = SCALARS[which]
        return kind, draw(drawn)
    if which == 3:
        return FLAG, draw(st.booleans())
    if which == 4:
        kind, drawn = draw(st.sampled_from(SCALARS))
        return list_of(kind), draw(st.lists(drawn, max_size=20))
    layout, fields = draw(structures(depth + 1))
    return structure(layout), fields


@st.composite
def structures(draw, depth=0):
    """A layout, and the fields of a structure."""
    numbers = draw(st.lists(st.integers(1, 2**15 - 1) | st.integers(1, 30), max_size=5, unique=True))
    drawn = {number: draw(values(depth)) for number in numbers}
    return {number: kind for number, (kind, _) in drawn.items()}, {
        number: value for number, (_, value) in drawn.items()
    }


def read(content, layout, most=10_000):
    return CompactReader(content, most).structure(layout)


@given(structures(), st.binary(max_size=20))
def test_what_is_written_is_read(case, behind):
    layout, fields = case
    content = compact_writing.structure(fields)
    assert read(content + behind, layout) == (fields, len(content))


@given(structures(), st.data())
def test_what_is_not_asked_for_is_skipped(case, data):
    layout, fields = case
    content = compact_writing.structure(fields)
    asked = data.draw(st.sets(st.sampled_from(sorted(fields)))) if fields else set()
    found, end = read(content, {number: layout[number] for number in asked})
    assert (found, end) == ({number: fields[number] for number in asked}, len(content))


@given(structures())
def test_what_is_cut_off_anywhere_is_refused(case):
    layout, fields = case
    content = compact_writing.structure(fields)
    for length in range(len(content)):
        with pytest.raises(UnreadableError):
            read(content[:length], layout)


@given(structures(), st.binary(max_size=200))
def test_whatever_else_comes_is_read_or_refused(case, content):
    layout, _ = case
    try:
        _, end = read(content, layout)
    except UnreadableError:
        return
    assert 0 < end <= len(content)


def field(number, code, value):
    return bytes([number << 4 | code]) + value


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (field(1, 6, zigzag(5)) + bytes([6]) + zigzag(1) + zigzag(7) + b"\0", "there twice"),
        (field(1, 5, zigzag(5)) + b"\0", "of another type"),
        (field(2, 5, zigzag(2**31)) + b"\0", "too large for its type"),
        (field(1, 6, b"\xff" * 10 + b"\1") + b"\0", "does not end"),
        (field(1, 6, b"\xff" * 9 + b"\2") + b"\0", "too large for its type"),
        (bytes([6]) + zigzag(2**16 + 1) + zigzag(7) + b"\0", "too large for its type"),
        (bytes([6]) + zigzag(-1) + zigzag(7) + b"\0", "no field -1"),
        (field(3, 13, b"\0"), "no type 13"),
        (field(3, 9, b"\x1d\0") + b"\0", "no type 13"),
        (field(4, 9, b"\x15\0") + b"\0", "a list is of another type"),
        (b"\x3c" * 40 + b"\0" * 40, "too deep"),
        (b"\x39" + b"\x19" * 100_000, "too deep"),
        (field(3, 9, b"\xf3" + varint(20_000)) + b"\0" * 20_001, "says more of itself"),
        (field(3, 9, b"\xf1" + varint(2**40)), "says more of itself"),
        (field(3, 11, varint(2**40) + b"\x11"), "says more of itself"),
        (b"\x31" * 20_000 + b"\0", "says more of itself"),
    ],
)
def test_what_no_writer_makes_is_refused(content, reason):
    layout = {1: LONG, 2: WHOLE, 4: list_of(BINARY)}
    with pytest.raises(UnreadableError, match=reason):
        read(content, layout)


@pytest.mark.parametrize("size", [2**20, 2**31, 2**32 + 1, 2**62])
@pytest.mark.parametrize("number", [1, 2])
def test_texts_that_are_longer_than_what_is_left(size, number):
    with pytest.raises(CutOffError):
        read(field(number, 8, varint(size)) + b"x" * 1000, {1: BINARY})


def test_maps_and_entries_of_lists_are_skipped():
    flags, pairs = b"\x31\1\2\1", varint(2) + bytes([8 << 4 | 1]) + b"\1a\1" + b"\2bc\2"
    content = field(1, 9, flags) + field(1, 11, pairs) + field(1, 11, b"\0") + field(1, 7, b"\xff" * 8)
    content += field(1, 3, b"\x80") + field(1, 10, b"\x28\1a\1b") + field(1, 5, zigzag(-7)) + b"\0"
    assert read(content, {7: WHOLE}) == ({7: -7}, len(content))


def test_a_kind_says_what_it_is():
    assert list_of(structure({1: LONG})) == Kind((9,), Kind((12,), {1: LONG}))
