"""Text in the cells of a terminal: how wide it is there, and how it is brought into lines and columns that fit.

A letter of East Asian scripts and an emoji take two cells, a mark that is set on a letter takes none.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

_GAP = re.compile(r"(?<=\S) {2,}(?=\S)")

STAYS_WHOLE = re.compile(r"[/\\]")
"""What paths and addresses have: broken they could not be copied, so that one longer than a line has its own."""

SMALLEST_LAST = 24
"""Cells that a last column of words has to be left with to be broken within itself."""


def cells(text: str) -> int:
    """How many cells of a terminal a text takes.

    >>> cells("abc"), cells("日本"), cells("e\u0301"), cells("👩")
    (3, 4, 1, 2)
    """
    return len(text) if text.isascii() else sum(map(_cells_of, text))


def _cells_of(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


def padded(text: str, width: int, *, right: bool = False) -> str:
    """A text with blanks behind it, or before it where it is put to the right, so that it takes so many cells."""
    blanks = " " * (width - cells(text))
    return blanks + text if right else text + blanks


def aligned(rows: Sequence[Sequence[str]], *, right: bool = True) -> list[str]:
    """Lines whose columns are as wide as their widest cell: the first to the left, the others to the right or left.

    >>> aligned([["", "n"], ["日本", "10"]])
    ['       n', '日本  10']
    """
    widths = [max(map(cells, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            padded(cell, width, right=right and place > 0)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]


def wrapped(text: str, width: int, first: str = "", then: str = "", *, whole: bool = True) -> list[str]:
    """A text in lines of at most so many cells, broken at blanks; none begins with a percent sign.

    A word that is longer than a line is broken anywhere, but a path or an address, which has a line of its own.

    Args:
        text: without line breaks.
        width: of a line, in cells.
        first: what the first line begins with.
        then: what the others begin with.
        whole: whether paths and addresses are not broken.

    >>> wrapped("of 10 % and more", 9, then="  ")
    ['of 10 %', '  and', '  more']
    """
    lines, line, used = [], first, cells(first)
    empty = True  # of words
    for word in text.replace(" %", "\u00a0%").split(" "):
        if not word:
            continue
        for part in _parts(word, max(1, width - cells(then)), whole=whole):
            if not empty and used + 1 + cells(part) > width:
                lines.append(line)
                line, used, empty = then, cells(then), True
            line, used = f"{line}{'' if empty else ' '}{part}", used + cells(part) + (not empty)
            empty = False
    return [each.replace("\u00a0%", " %") for each in [*lines, line]]


def _parts(word: str, room: int, *, whole: bool) -> list[str]:
    if cells(word) <= room or (whole and STAYS_WHOLE.search(word)):
        return [word]
    parts, part, used = [], "", 0
    for character in word:
        of_it = _cells_of(character)
        if part and used + of_it > room:
            parts.append(part)
            part, used = "", 0
        part, used = part + character, used + of_it
    return [*parts, part]


def fitted(text: str, width: int, made_for: int) -> str:
    r"""A text of several lines in lines of at most so many cells; what fits stays as it is.

    Sentences are filled anew. A table, lines with two blanks or more between columns, is folded: as many columns as fit
    after the first, then the first again with the next ones. A last column of words is broken within itself, where that
    is all that does not fit. Where the first column and another do not fit beside each other, each row is a block: its
    first cell, and below it a line for each of the others.

    Args:
        text: in lines.
        width: of a terminal, in cells.
        made_for: the width that sentences in it were filled to, which tells what is one sentence.

    >>> print(fitted("name        first  second\nattention      10      20", 20, 100))
    name       first
    attention     10
    name       second
    attention      20
    """
    out: list[str] = []
    lines = text.split("\n")
    start = 0
    while start < len(lines):
        end = start + 1
        if _is_row(lines[start]):
            while end < len(lines) and _is_row(lines[end]):
                end += 1
            block = _table(lines[start:end], width) if end - start > 1 else []
            block = block or [part for line in lines[start:end] for part in _hanging(line, width)]
        else:
            while end < len(lines) and _goes_on(lines[end - 1], lines[end], made_for):
                end += 1
            block = _paragraph(lines[start:end], width)
        out += lines[start:end] if all(cells(line) <= width for line in lines[start:end]) else block
        start = end
    return "\n".join(out)


def _is_row(line: str) -> bool:
    return _GAP.search(line) is not None or (line.startswith(" " * 6) and bool(line.strip()))


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" "))]


def _goes_on(line: str, following: str, made_for: int) -> bool:
    """Whether a line is the next of the same sentence: its first word had no place in the one before."""
    if not line.strip() or not following.strip() or _is_row(following) or _indent(line) > _indent(following):
        return False
    return cells(line) + 1 + cells(following.split()[0]) > made_for


def _paragraph(lines: Sequence[str], width: int) -> list[str]:
    first, then = _indent(lines[0]), _indent(lines[min(1, len(lines) - 1)])
    return wrapped(" ".join(line.strip() for line in lines), width, first, then)


def _hanging(line: str, width: int) -> list[str]:
    """A line by itself with columns: its last one is broken within itself, where there is room."""
    at = [found.end() for found in _GAP.finditer(line)][-1:] or [len(_indent(line))]
    before = line[: at[0]]
    if width - cells(before) >= SMALLEST_LAST:
        return wrapped(line[at[0] :], width, before, " " * cells(before))
    return wrapped(line.strip(), width, _indent(line), f"{_indent(line)}    ")


def _by_cell(line: str, width: int) -> list[str]:
    """The characters of a line by cell, with those that take none; a second cell of a character is empty."""
    places: list[str] = []
    for character in line:
        of_it = _cells_of(character)
        if of_it == 0 and places:
            places[-1] += character
        else:
            places += [character, ""][: max(1, of_it)]
    return places + [" "] * (width - len(places))


def _columns(lines: Sequence[str]) -> list[list[str]]:
    """A table's columns, each with its blanks: they are parted where two cells or more are blank in all lines."""
    width = max(map(cells, lines))
    grid = [_by_cell(line, width) for line in lines]
    blank = "".join(" " if all(row[place] == " " for row in grid) else "x" for place in range(width))
    starts = [0, *(found.end() for found in _GAP.finditer(blank))]
    ends = [*(found.start() for found in _GAP.finditer(blank)), width]
    return [["".join(row[start:end]) for row in grid] for start, end in zip(starts, ends, strict=True)]


def _table(lines: Sequence[str], width: int) -> list[str]:
    """The lines of a table that fit; empty where its lines have no columns in common."""
    columns = _columns(lines)
    if len(columns) < 2:
        return []
    widths = [max(map(cells, column)) for column in columns]
    before = sum(widths[:-1]) + 2 * (len(columns) - 1)
    words = all(not cell.startswith(" ") for cell in columns[-1] if cell.strip())
    if words and width - before >= SMALLEST_LAST:
        lead = ["  ".join(row) + "  " for row in zip(*columns[:-1], strict=True)]
        return [
            part.rstrip()
            for start, cell in zip(lead, columns[-1], strict=True)
            for part in wrapped(cell.strip(), width, start, " " * before)
        ]
    if max(widths[1:]) + 2 + widths[0] > width:
        return _blocks(columns, width)
    out: list[str] = []
    place = 1
    while place < len(columns):
        end, used = place, widths[0]
        while end < len(columns) and used + 2 + widths[end] <= width:
            used += 2 + widths[end]
            end += 1
        out += ["  ".join(row).rstrip() for row in zip(columns[0], *columns[place:end], strict=True)]
        place = end
    return out


def _blocks(columns: Sequence[Sequence[str]], width: int) -> list[str]:
    """Each row as a block; where columns stand to the right, the first row names the cells of the others."""
    headings, *rows = zip(*columns, strict=True)
    if not any(cell.startswith(" ") for column in columns[1:] for cell in column if cell.strip()):
        headings, rows = ("",) * len(columns), [headings, *rows]
    out: list[str] = []
    for first, *others in rows:
        indent = _indent(first)
        out += wrapped(first.strip(), width, indent, f"{indent}  ")
        for heading, cell in zip(headings[1:], others, strict=True):
            if cell.strip():
                told = f"{heading.strip()}: {cell.strip()}" if heading.strip() else cell.strip()
                out += wrapped(told, width, f"{indent}    ", f"{indent}      ")
    return out
