"""The one panel that every figure consists of: its size, its title, its words where there is nothing to show."""

from __future__ import annotations

import textwrap
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from attnprobe.analysis.results import RunResults
from attnprobe.atomic_files import replacing
from attnprobe.reports import style

RESOLUTION = 200
"""Of PNG files, dots an inch."""

TITLE_WIDTH = 52
"""Characters that go into a line of the title."""


def new_panel(results: RunResults, height: float) -> tuple[Figure, Axes]:
    """A figure one column wide and ``height`` inches high, titled dataset · model · number of documents."""
    figure = Figure(figsize=(style.WIDTH, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    title = f"{results.dataset} · {results.model} · n = {len(results.several):,} documents"
    figure.suptitle(
        "\n".join(textwrap.wrap(title, TITLE_WIDTH)), fontsize=style.SETTINGS["axes.titlesize"], parse_math=False
    )
    return figure, axes


def legend_above(axes: Axes) -> None:
    """The legend between title and panel, where it covers nothing."""
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, handlelength=2.4, borderaxespad=0.2)


def say_instead(axes: Axes, words: str) -> None:
    """Put words where there is nothing to draw."""
    axes.set_axis_off()
    axes.text(0.5, 0.5, textwrap.fill(words, 44), ha="center", va="center", transform=axes.transAxes)


def save(figure: Figure, path: Path) -> None:
    """Write PNG or PDF, by the suffix; the same figure gives the same bytes."""
    kind = path.suffix.removeprefix(".")
    metadata = {"CreationDate": None} if kind == "pdf" else {"Software": None}
    with mpl.rc_context(style.SETTINGS), replacing(path) as temporary:
        figure.savefig(temporary, format=kind, dpi=RESOLUTION, metadata=metadata)
