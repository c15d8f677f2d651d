"""Text wrapped into a column, each item shaded by its weight and the items of a set framed."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from attnprobe.reports.type_widths import POINTS, printable, width_of

LINE = 1.42
"""Height of a line, by the size of the type."""

GAP = 0.45
"""Between sentences, by the size of the type."""


class Piece(NamedTuple):
    """What one item has on one line: where it begins and how wide it is, in inches, and its text."""

    item: int
    line: int
    x: float
    width: float
    text: str


class Shade(NamedTuple):
    """Of an item's rectangle: what fills it and the colour of its frame."""

    face: tuple[float, float, float, float]
    edge: str


class Layout(NamedTuple):
    """Text broken into lines.

    Attributes:
        pieces: in order.
        tops: of each line, in inches below the first.
        height: of all lines, in inches.
    """

    pieces: list[Piece]
    tops: list[float]
    height: float


def lay_out(texts: Sequence[str], width: float, size: float, *, own_lines: bool) -> Layout:
    """Break items into lines.

    Args:
        texts: of the items.
        width: of the column, in inches.
        size: of the type, in points.
        own_lines: each item begins a line of its own, a little apart from the one before.
    """
    space = width_of("a b", size) - width_of("ab", size)
    pieces: list[Piece] = []
    tops = [0.0]
    x = 0.0
    for item, text in enumerate(texts):
        if own_lines and item:
            tops.append(tops[-1] + (LINE + GAP) * size / POINTS)
            x = 0.0
        for word in _breakable(printable(text), width, size):
            wide = width_of(word, size)
            if x and x + wide > width:
                tops.append(tops[-1] + LINE * size / POINTS)
                x = 0.0
            pieces.append(Piece(item, len(tops) - 1, x, wide, word))
            x += wide + space
    return Layout(_joined(pieces), tops, tops[-1] + LINE * size / POINTS)


def _breakable(text: str, width: float, size: float) -> Iterator[str]:
    """The words; one that is wider than the column comes in parts."""
    for word in text.split():
        rest = word
        while width_of(rest, size) > width and len(rest) > 1:
            fits = _fitting(rest, width, size)
            yield rest[:fits]
            rest = rest[fits:]
        yield rest


def _fitting(word: str, width: float, size: float) -> int:
    """How many of its first characters fit, one at least."""
    return 1 + bisect_right(range(2, len(word)), width, key=lambda end: width_of(word[:end], size))


def _joined(pieces: Sequence[Piece]) -> list[Piece]:
    """Words of one item on one line as one piece, so that the shade has no gaps."""
    joined: list[Piece] = []
    for piece in pieces:
        last = joined[-1] if joined else None
        if last is not None and (last.item, last.line) == (piece.item, piece.line):
            joined[-1] = last._replace(width=piece.x + piece.width - last.x, text=f"{last.text} {piece.text}")
        else:
            joined.append(piece)
    return joined


def draw_pieces(axes: Axes, layout: Layout, left: float, top: float, size: float, shades: Sequence[Shade] = ()) -> None:
    """Draw a layout on axes measured in inches, y downwards.

    Args:
        axes: where.
        layout: what.
        left, top: where the first line begins.
        size: of the type.
        shades: of each item; none where it is empty.
    """
    height = LINE * size / POINTS
    for piece in layout.pieces:
        y = top + layout.tops[piece.line]
        if shades:
            face, edge = shades[piece.item]
            corner = left + piece.x - 0.015, y + 0.006
            axes.add_patch(
                Rectangle(corner, piece.width + 0.03, height - 0.012, facecolor=face, edgecolor=edge, linewidth=1.1)
            )
        axes.text(left + piece.x, y + height / 2, piece.text, fontsize=size, va="center_baseline", parse_math=False)
