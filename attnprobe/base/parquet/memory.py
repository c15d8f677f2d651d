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

from attnprobe.base.bounds import (
    BYTES_A_PAGE,
    EXPANSION_IN_MEMORY,
    FREE_PAGES,
    LARGEST_PAGE,
    MOST_DECODED,
    most_unpacked,
)
from attnprobe.base.errors import InputError
from attnprobe.base.expansion import Expansion
from attnprobe.base.parquet.footers import TEXT, TEXT_OF_ONE_LENGTH, VALUE_BYTES, Chunk, Footer, Leaf
from attnprobe.base.parquet.page_contents import longest_list, longest_text
from attnprobe.base.parquet.page_headers import DICTIONARY, NUMBERS_OF_OTHERS, PREFIXED, Page, pages_of

_BESIDE = 16
"""Bytes that a value may take beside its own, or as a number."""


class Estimate:
    """What reading a file takes, known before its pages are unpacked; each group of rows is counted once.

    Args:
        path: of the file.
        descriptor: of the same, open.
        footer: of the same.
    """

    def __init__(self, path: Path, descriptor: int, footer: Footer) -> None:
        self._path, self._descriptor, self._footer = path, descriptor, footer
        self._expansion = Expansion(path, footer.size)
        self._pages_left = self._most_pages = FREE_PAGES + footer.size // BYTES_A_PAGE

    def rows_at_once(self, columns: Sequence[str] | None, groups: Sequence[int], most: int) -> int:
        """How many rows may be decoded at once, after a look at the headers of all pages that are to be read.

        Args:
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
        wanted = [self._column(place, groups) for place in self._footer.leaves_of(columns)]
        enough = min(MOST_DECODED, most_unpacked(self._footer.size))
        if _memory(wanted, most) <= enough:
            return most
        self._check_memory(wanted, 0)
        for look in (_Column.look_at_texts, _Column.look_at_lists):
            for column in sorted(wanted, key=lambda column: column.memory(most), reverse=True):
                if _memory(wanted, most) <= enough:
                    break
                look(column, self._descriptor)
        rows = most
        while rows > 1 and _memory(wanted, rows) > enough:
            rows //= 2
        self._check_memory(wanted, rows)
        return rows

    def _column(self, place: int, groups: Sequence[int]) -> _Column:
        chunks = [self._footer.groups[group].chunks[place] for group in groups]
        return _Column(self._footer.leaves[place], [(chunk, self._pages(chunk)) for chunk in chunks])

    def _pages(self, chunk: Chunk) -> list[Page]:
        pages = []
        for page in pages_of(self._descriptor, chunk):
            self._expansion.add(page.unpacked + VALUE_BYTES * page.values)
            self._pages_left -= 1
            if self._pages_left < 0:
                raise InputError(
                    f"{self._path}: it has more than {self._most_pages:,} pages, as no file of its size does."
                )
            if page.unpacked > LARGEST_PAGE:
                raise InputError(f"{self._path}: a page has {page.unpacked:,} bytes, and may have {LARGEST_PAGE:,}.")
            pages.append(page)
        return pages

    def _check_memory(self, columns: Sequence[_Column], rows: int) -> None:
        if _memory(columns, rows) > MOST_DECODED:
            largest = max(columns, key=lambda column: column.memory(rows))
            raise InputError(
                f"{self._path}, column {largest.leaf.path!r}: its rows would take more than {MOST_DECODED:,} bytes of "
                "memory, even one at a time."
            )


def _memory(columns: Sequence[_Column], rows: int) -> int:
    return sum(column.memory(rows) for column in columns)


class _Column:
    """What is read of a leaf, and how much memory that takes at most.

    Args:
        leaf: the column.
        chunks: those that are read, and their pages.
    """

    def __init__(self, leaf: Leaf, chunks: Sequence[tuple[Chunk, list[Page]]]) -> None:
        self.leaf = leaf
        self._chunks = chunks
        self._values_a_row = max((chunk.values for chunk, _ in chunks), default=0) if leaf.repeated else 1
        self._held = max((_held(pages) for _, pages in chunks), default=0)
        self._measure([sum(page.unpacked for page in _dictionaries(pages)) for _, pages in chunks])

    def memory(self, rows: int) -> int:
        """The bytes that so many rows take, with a page and a dictionary, as far as these are larger than most."""
        values = rows * self._values_a_row
        if not values or not len(self._counts):
            return self._held
        sizes = np.concatenate([[0], np.cumsum(self._together + np.minimum(self._counts, values) * self._each)])
        behind = np.cumsum(self._counts)
        last = np.searchsorted(behind[:-1], behind + values - 2, side="right")  # the page in which they end
        return self._held + int((sizes[last + 1] - sizes[:-1]).max())

    def look_at_texts(self, descriptor: int) -> None:
        """Unpack the dictionaries of texts, which say how long the longest is."""
        if self.leaf.type == TEXT:
            lengths = (
                [longest_text(descriptor, chunk.codec, page) for page in _dictionaries(pages)]
                for chunk, pages in self._chunks
            )
            self._measure([max(of_chunk, default=0) for of_chunk in lengths])

    def look_at_lists(self, descriptor: int) -> None:
        """Unpack the pages of lists, which say of how many values the longest row consists."""
        if self.leaf.repeated:
            found = (longest_list(descriptor, chunk.codec, pages, self.leaf.repeated) for chunk, pages in self._chunks)
            longest = (chunk.values if of is None else of for (chunk, _), of in zip(self._chunks, found, strict=True))
            self._values_a_row = max(longest, default=0)

    def _measure(self, longest: Sequence[int]) -> None:
        """Note of each page how many values it has, and their bytes, together and beside these each.

        They are noted as floating numbers: the sum of what files say may be beyond all others.

        Args:
            longest: text of the dictionary of each of the chunks.
        """
        measured = [
            (page.values, *self._sizes(page, most))
            for (_, pages), most in zip(self._chunks, longest, strict=True)
            for page in pages
        ]
        self._counts, self._together, self._each = np.array(measured, dtype=np.float64).reshape(-1, 3).T

    def _sizes(self, page: Page, longest: int) -> tuple[int, int]:
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
    """The bytes of the dictionary of a chunk and of its largest page, beside what their size in the file allows for."""
    dictionaries, others = _dictionaries(pages), [page for page in pages if page.type != DICTIONARY]
    largest = max((_beside(page, VALUE_BYTES) for page in others), default=0)
    return largest + sum(_beside(page, _BESIDE) for page in dictionaries)


def _beside(page: Page, each: int) -> int:
    return max(0, page.packed + page.unpacked + each * page.values - EXPANSION_IN_MEMORY * page.packed)
