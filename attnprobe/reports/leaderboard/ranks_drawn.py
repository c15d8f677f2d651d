"""The leaderboard drawn: a panel a measure, a row an ordering, in the order of the measure that counts."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from attnprobe.analysis.leaderboard import MEASURES, Leaderboard
from attnprobe.erasure.registered_orderings import Role
from attnprobe.reports import style
from attnprobe.reports.drawn import require_drawn
from attnprobe.reports.figures.frame import save
from attnprobe.reports.leaderboard.words import named, place_in_words
from attnprobe.reports.type_widths import fitted, printable

LINE = 0.2
"""Of an ordering, in inches."""

NAMES = 1.7
"""That names take, in inches."""

GREY = "#767676"
"""Of what is no explanation: chance, controls and twins."""


def save_leaderboard(board: Leaderboard, folder: Path) -> list[Path]:
    """Write ``leaderboard.png`` and ``leaderboard.pdf`` into a folder; returns their paths."""
    with mpl.rc_context(style.SETTINGS):
        return save(draw_leaderboard(board), folder, "leaderboard")


def draw_leaderboard(board: Leaderboard) -> Figure:
    """A point and its interval an ordering and measure, its place beside it; hollow where it is no explanation."""
    first = next(iter(board.rankings.values()))
    names = list(dict.fromkeys(place.ordering for ranking in board.rankings.values() for place in ranking.places))
    height = 1.0 + LINE * len(names)
    figure = Figure(figsize=(style.PAGE, height), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(board.rankings), sharey=True, squeeze=False)[0]
    for axes, ranking in zip(panels, board.rankings.values(), strict=True):
        measure = MEASURES[ranking.measure]
        places = {place.ordering: place for place in ranking.places}
        rows = [(row, name) for row, name in enumerate(names) if name in places]
        require_drawn("orderings", len(rows), len(ranking.places))
        for row, name in rows:
            mean, explains = places[name].mean, board.orderings[name].role is Role.EXPLANATION
            colour = "black" if explains else GREY
            axes.plot([mean.low, mean.high], [row, row], color=colour, linewidth=1.2, solid_capstyle="butt")
            fill = colour if explains else "white"
            axes.plot(mean.value, row, "o", color=colour, markerfacecolor=fill, markersize=4)
            axes.annotate(
                place_in_words(places[name]),
                (1, row),
                xycoords=("axes fraction", "data"),
                xytext=(3, 0),
                textcoords="offset points",
                va="center",
                fontsize=6,
                color=colour,
            )
        which = "larger" if measure.larger_is_better else "smaller"
        axes.set_xlabel(f"{measure.title}\n({which} is better)\n{ranking.documents:,} documents")
        if measure.percent:
            axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=None, symbol=" %"))
        axes.locator_params(axis="x", nbins=5 if len(board.rankings) < 3 else 3)
        axes.grid(axis="x", color="#E6E6E6", linewidth=0.4)
        axes.set_title("place", loc="right", fontsize=6)
        axes.tick_params(axis="y", length=0)
    shown = [fitted(named(board, name), NAMES) for name in names]
    panels[0].set(ylim=(len(names) - 0.5, -0.5))
    panels[0].set_yticks(np.arange(len(names)), [words for words, _ in shown])
    for label, (_, size) in zip(panels[0].get_yticklabels(), shown, strict=True):
        label.set(fontsize=size, parse_math=False)
    runs = f"{len(board.runs)} run{'s' * (len(board.runs) > 1)}"
    words = f"{printable(board.dataset)} · {runs} · ordered by {MEASURES[first.measure].in_prose}"
    figure.suptitle(fitted(words, style.PAGE - 0.2, 7.5)[0], fontsize=7.5, parse_math=False)
    return figure
