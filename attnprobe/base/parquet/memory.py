"""How many rows of a Parquet file may be decoded at once: what they take is known from the headers of their pages.

Of each column that is read a page is held, packed and unpacked, with the dictionary that it refers to; beside these,
the values of the rows. A value takes what it has in its page, but where the page refers to another one: then it may be
as long as any in the dictionary, or as the page. So the most that rows can take is known, and mostly far from any
limit; where it is not, the dictionaries are looked at, and how long the lists are.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from attnprobe.base.bounds import BYTES_A_PAGE, FREE_PAGES, MOST_DECODED
from attnprobe.base.errors import InputError
from attnprobe.base.expansion import Expansion
from attnprobe.base.parquet.footers import TEXT, TEXT_OF_ONE_LENGTH, VALUE_BYTES, Chunk, Footer, Leaf
from attnprobe.base.parquet.page_contents import longest_list, longest_text
from attnprobe.base.parquet.page_headers import DICTIONARY, NUMBERS_OF_OTHERS, PREFIXED, Page, pages_of

_BESIDE = 16
"""Bytes that a value may take beside its own, or as a number."""


def rows_at_once(
    path: Path, descriptor: int, footer: Footer, columns: Sequence[str] | None, groups: Sequence[int], most: int
) -> int:
    """How many rows may be decoded at once, after a look at the headers of all pages that are to be read.

    Args:
        path: of the file.
        descriptor: of the same, open.
        footer: of the same.
        columns: that are to be read; None for all.
        groups: of rows, that are to be read one after another.
        most: rows that are asked for.

    Returns:
        ``most``, or fewer where values are so long that many, or one many times, would take too much memory.

    Raises:
        InputError: the pages would unpack to more than data do, or a single row would take too much memory.
        UnreadableError: the header of a page cannot be so.
        OSError: the file cannot be read.
    """
    places = footer.leaves_of(columns)
    walk = _Walk(path, descriptor, footer.size)
    chunks = [[footer.groups[group].chunks[place] for group in groups] for place in places]
    wanted = [
        _Column(footer.leaves[place], [(chunk, walk.pages(chunk)) for chunk in of_column])
        for place, of_column in zip(places, chunks, strict=True)
    ]
    _check_memory(path, wanted, 0)
    for column in sorted(wanted, key=lambda column: column.memory(most), reverse=True):
        if sum(column.memory(most) for column in wanted) <= MOST_DECODED:
            break
        column.look_closer(descriptor)
    rows = most
    while rows > 1 and sum(column.memory(rows) for column in wanted) > MOST_DECODED:
        rows //= 2
    _check_memory(path, wanted, rows)
    return rows


def _check_memory(path: Path, columns: Sequence[_Column], rows: int) -> None:
    if sum(column.memory(rows) for column in columns) > MOST_DECODED:
        largest = max(columns, key=lambda column: column.memory(rows))
        raise InputError(
            f"{path}, column {largest.leaf.path!r}: its rows would take more than {MOST_DECODED:,} bytes of memory, "
            "even one at a time."
        )


class _Walk:
    """Goes through the headers of pages, as long as there are not too many, which would unpack to too much."""

    def __init__(self, path: Path, descriptor: int, size: int) -> None:
        self._path, self._descriptor = path, descriptor
        self._expansion = Expansion(path, size)
        self._left = self._most = FREE_PAGES + size // BYTES_A_PAGE

    def pages(self, chunk: Chunk) -> list[Page]:
        """Of a chunk."""
        pages = []
        for page in pages_of(self._descriptor, chunk):
            self._expansion.add(page.unpacked + VALUE_BYTES * page.values)
            self._left -= 1
            if self._left < 0:
                raise InputError(f"{self._path}: it has more than {self._most:,} pages, as no file of its size does.")
            pages.append(page)
        return pages


class _Column:
    """What is read of a leaf, and how much memory that takes at most.

    Args:
        leaf: the column.
        chunks: those that are read, and their pages.
    """

    def __init__(self, leaf: Leaf, chunks: Sequence[tuple[Chunk, list[Page]]]) -> None:
        self.leaf = leaf
        self._chunks = chunks
        self._longest = [sum(page.unpacked for page in _dictionaries(pages)) for _, pages in chunks]
        self._values_a_row = max((chunk.values for chunk, _ in chunks), default=0) if leaf.repeated else 1
        self._held = max((_held(pages) for _, pages in chunks), default=0)

    def memory(self, rows: int) -> int:
        """The bytes that so many rows take, with the page in which they end."""
        return self._held + self._most_of(rows * self._values_a_row)

    def look_closer(self, descriptor: int) -> None:
        """Unpack what says how long the longest texts and lists are."""
        lists = [chunk.values for chunk, _ in self._chunks]
        for number, (chunk, pages) in enumerate(self._chunks):
            if self.leaf.type == TEXT:
                lengths = (longest_text(descriptor, chunk.codec, page) for page in _dictionaries(pages))
                self._longest[number] = max(lengths, default=0)
            if self.leaf.repeated:
                found = longest_list(descriptor, chunk.codec, pages, self.leaf.repeated)
                lists[number] = chunk.values if found is None else found
        if self.leaf.repeated:
            self._values_a_row = max(lists, default=0)

    def _most_of(self, values: int) -> int:
        """The bytes of the largest of so many values that follow one another."""
        pages = [
            (page.values, *self._sizes(page, longest))
            for (_, pages), longest in zip(self._chunks, self._longest, strict=True)
            for page in pages
        ]
        if not pages or not values:
            return 0
        counts, together, each = np.array(pages, dtype=np.float64).T  # whole numbers would not be large enough
        sizes = np.concatenate([[0], np.cumsum(together + np.minimum(counts, values) * each)])
        behind = np.cumsum(counts)
        last = np.searchsorted(behind[:-1], behind + values - 2, side="right")
        return int((sizes[last + 1] - sizes[:-1]).max())

    def _sizes(self, page: Page, longest: int) -> tuple[int, int]:
        """Bytes of the values of a page, and beside these of each."""
        if page.type == DICTIONARY:
            return 0, 0
        if self.leaf.type == TEXT_OF_ONE_LENGTH:
            return 0, self.leaf.length + _BESIDE
        if self.leaf.type != TEXT:
            return 0, _BESIDE
        if page.encoding in NUMBERS_OF_OTHERS:
            return 0, longest + _BESIDE
        return page.unpacked, _BESIDE + page.unpacked * (page.encoding == PREFIXED)


def _dictionaries(pages: Sequence[Page]) -> list[Page]:
    """One at most, where the file is as it should be."""
    return [page for page in pages if page.type == DICTIONARY]


def _held(pages: Sequence[Page]) -> int:
    """The bytes of the dictionary of a chunk and of its largest page."""
    dictionary = sum(page.packed + page.unpacked + _BESIDE * page.values for page in _dictionaries(pages))
    largest = (page.packed + page.unpacked + VALUE_BYTES * page.values for page in pages if page.type != DICTIONARY)
    return dictionary + max(largest, default=0)
