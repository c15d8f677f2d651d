"""A text in lines of a terminal, item by item: each painted or marked as it is, and none broken where it fits."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from attnprobe.base.text_cells import cells, wrapped

STRONGEST = 0.6
"""Of the colour in the paper's white, for the largest number."""

_TAB = "    "

_SPACED = re.compile(r"(\s*)(\S*)")

_ESCAPE = re.compile("\x1b\\[[0-9;]*m")


class Look(NamedTuple):
    """How an item is shown: how dark, whether it is struck through, and whether people marked it."""

    shade: float
    gone: bool
    marked: bool


def text_in_lines(
    texts: Sequence[str], between: Sequence[str], looks: Sequence[Look], hue: str | None, width: int, unit: str
) -> str:
    """The items in lines, with the text between them as it is; sentences each begin a line."""
    page = _Page(width)
    for j, (text, gap, look) in enumerate(zip(texts, between, looks, strict=True)):
        if unit == "sentence" and j:
            gap = "\n" + gap.strip(" ").removeprefix("\n")
        page.write_between(gap)
        page.write(text, partial(_painted, look=look, hue=hue))
    return page.text()


class _Page:
    """Lines that are filled from left to right, and broken at white space where what comes next does not fit."""

    def __init__(self, width: int) -> None:
        self._lines = [""]
        self._width = self._room = width
        self._space = self._word = ""
        self._length = 0  # of the word, which is not yet in its line

    def write(self, text: str, marked: Callable[[str], str]) -> None:
        """Go on with an item, each part of it in a line marked."""
        for number, line in enumerate(text.replace("\t", _TAB).split("\n")):
            if number:
                self._break()
            fits = cells(line) <= self._width - 4
            parts = [line] if fits else wrapped(line, self._width - 4, whole=False)
            for place, part in enumerate(parts if line.strip() else []):
                if place:
                    self._put_space(" ")
                self._put(marked(part))

    def write_between(self, text: str) -> None:
        """Go on with text that is no item."""
        for number, line in enumerate(text.replace("\t", _TAB).split("\n")):
            if number:
                self._break()
            for blank, part in _SPACED.findall(line):
                self._put_space(blank)
                self._put(part)

    def text(self) -> str:
        """All lines."""
        self._end_word()
        return "\n".join(self._lines)

    def _put(self, marked: str) -> None:
        length = cells(_ESCAPE.sub("", marked))
        if self._length + length > self._width:
            self._end_word()
        self._word += marked
        self._length += length

    def _put_space(self, blank: str) -> None:
        if blank:
            self._end_word()
            self._space += blank

    def _end_word(self) -> None:
        if not self._word:
            return
        if self._lines[-1] and cells(self._space) + self._length > self._room:
            self._lines.append("")
            self._room, self._space = self._width, ""
        self._lines[-1] += self._space + self._word
        self._room -= cells(self._space) + self._length
        self._space, self._word, self._length = "", "", 0

    def _break(self) -> None:
        self._end_word()
        self._lines.append("")
        self._room, self._space = self._width, ""


def _painted(text: str, look: Look, hue: str | None) -> str:
    if hue is None:
        text = f"_{text}_" if look.marked else text
        return f"~~{text}~~" if look.gone else text
    codes = ["4"] * bool(look.marked) + ["9"] * bool(look.gone)
    if round(9 * look.shade) > 0:
        channels = (int(hue[start : start + 2], 16) for start in (1, 3, 5))
        mixed = (round(255 + (channel - 255) * STRONGEST * look.shade) for channel in channels)
        codes += ["38;2;16;16;16", "48;2;" + ";".join(map(str, mixed))]
    return f"\x1b[{';'.join(codes)}m{text}\x1b[0m" if codes else text
