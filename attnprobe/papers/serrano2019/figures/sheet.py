"""A sheet of panels to go into a paper: its size, its heading, its empty panels, its files."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Collection, Mapping
from pathlib import Path

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from attnprobe.analysis.results import NO_SMALLEST_SET, ORACLE
from attnprobe.papers.serrano2019.figures.panel_order import model_name
from attnprobe.reports import style
from attnprobe.reports.figures.frame import save
from attnprobe.reports.type_widths import fitted, printable

COLUMN = style.WIDTH
"""Width of a column of a paper, in inches."""

PAGE = style.PAGE
"""Width of its two columns."""

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

GREY = "#666666"
"""Of what is said beside the data."""

SMALL = 5.5
"""Size of the smallest type but one, in points."""

LINES = 7
"""Of what an empty panel says, at most."""

CHARACTERS = 20
"""Of 6.5-point type that go into an inch, at least."""


def new_sheet(width: float, height: float) -> Figure:
    """An empty sheet, in inches."""
    engine = ConstrainedLayoutEngine(w_pad=0.03, h_pad=0.03, wspace=0.02, hspace=0.02)
    figure = Figure(figsize=(width, height), layout=engine)
    FigureCanvasAgg(figure)
    return figure


def head(figure: Figure, title: str, said: str, legend: Mapping[str, Artist]) -> None:
    """What the whole sheet shows: a title, in grey how to read it, a legend.

    Together they are one legend with a title of its own, for which the layout makes room.
    """
    drawn = figure.legend(
        list(legend.values()),
        list(legend),
        loc="outside upper center",
        ncols=len(legend) or 1,
        handlelength=1.8,
        columnspacing=1.2,
        borderaxespad=0,
        title="\n".join([printable(title), *textwrap.wrap(said, int(CHARACTERS * figure.get_figwidth()))]),
        title_fontsize=6.5,
    )
    for text in (*drawn.get_texts(), drawn.get_title()):
        text.set_parse_math(False)
    drawn.get_title().set(ha="center", linespacing=1.35)


def without_smallest_sets(drawn: Mapping[str, Collection[str]]) -> str:
    """What is to be added to how a sheet is read: the models whose results lack the smallest sets.

    Args:
        drawn: the orderings in each model's panels; none where it has no results.
    """
    lacking = (model_name(model) for model, orderings in drawn.items() if orderings and ORACLE not in orderings)
    without = dict.fromkeys(lacking)
    return f"; {', '.join(without)}: {NO_SMALLEST_SET}" if without else ""


def name_panel(axes: Axes, name: str) -> None:
    """What a panel shows, above it; cut where it is wider than the panel."""
    figure = axes.get_figure()
    width = 0.8 * (figure.get_figwidth() if isinstance(figure, Figure) else COLUMN) / _columns(axes)
    shown, size = fitted(name, width, 7.0)
    axes.set_title(shown, fontsize=size, loc="left", pad=3, parse_math=False)


def _columns(axes: Axes) -> int:
    place = axes.get_gridspec()
    return 1 if place is None else place.ncols


def say_missing(axes: Axes, words: str, characters: int = 18) -> None:
    """An empty panel that says what is missing."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set(visible=True, color="#BBBBBB", linestyle=(0, (3, 3)))
    axes.text(
        0.5,
        0.5,
        "\n".join(textwrap.wrap(printable(words), characters)[:LINES]),
        ha="center",
        va="center",
        fontsize=SMALL,
        color=GREY,
        transform=axes.transAxes,
        parse_math=False,
    )


def power_of_ten(value: float, _place: float = 0) -> str:
    """A power of ten, or zero, for the axes.

    >>> power_of_ten(0.001), power_of_ten(-1e10), power_of_ten(0)
    ('10⁻³', '−10¹⁰', '0')
    """
    if not value:
        return "0"
    exponent = str(round(math.log10(abs(value)))).translate(SUPERSCRIPTS)
    return f"{'−' if value < 0 else ''}10{exponent}"


def write(figure: Figure, folder: Path, name: str) -> list[Path]:
    """Write PNG and PDF; a name may be anything."""
    return save(figure, folder, re.sub(r"[^\w.-]+", "_", name))
