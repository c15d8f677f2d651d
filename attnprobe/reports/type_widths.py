"""How wide text is on paper, and what of it can be printed."""

from __future__ import annotations

import unicodedata
from functools import cache, lru_cache

from matplotlib import font_manager
from matplotlib.font_manager import FontProperties
from matplotlib.ft2font import FT2Font
from matplotlib.textpath import TextToPath

from attnprobe.base.visible import visible

POINTS = 72
"""An inch."""

SMALLEST = 5.0
"""Size of the smallest type, in points."""


def printable(text: str) -> str:
    """The text on one line, what cannot be seen made visible; what the font lacks is a replacement character.

    >>> printable("a\\tb  c"), printable("a\\u202e")
    ('a b c', 'a⟦U+202E⟧')
    """
    known = _characters()
    shown = visible(" ".join(text.split()))
    spaced = (" " if unicodedata.category(each) == "Zs" else each for each in shown)
    return "".join(each if ord(each) in known else "\ufffd" for each in spaced)


def in_figure(name: str) -> str:
    r"""A name in text of a figure that may hold formulas: no dollar in it begins one.

    >>> print(in_figure("$x$"))
    \$x\$
    """
    return printable(name).replace("$", r"\$")


@cache
def _characters() -> frozenset[int]:
    return frozenset(FT2Font(font_manager.findfont(FontProperties())).get_charmap())


@lru_cache(maxsize=1 << 14)
def width_of(text: str, size: float) -> float:
    """In inches, whatever the resolution."""
    width, _, _ = TextToPath().get_text_width_height_descent(text, FontProperties(size=size), ismath=False)
    return float(width) / POINTS


def fitted(name: str, width: float, size: float = 6.5) -> tuple[str, float]:
    """A name that fits into so many inches, cut where it must be, and the size of its type, ``size`` at most."""
    name = printable(name)
    smaller = min(size, size * width / max(width_of(name, size), 1e-9))
    if smaller >= SMALLEST:
        return name, smaller
    while len(name) > 1 and width_of(f"{name}…", SMALLEST) > width:
        name = name[:-1]
    return f"{name}…", SMALLEST
