"""Sheets of one model: a panel a dataset, two in a row, one column of a paper wide."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from attnprobe.analysis.delta_js import delta_js_pairs
from attnprobe.analysis.results import RunResults
from attnprobe.papers.serrano2019.figures.grid import RunGrid
from attnprobe.papers.serrano2019.figures.sheet import COLUMN, SMALL, name_panel, new_sheet, say_missing

ROW = 1.38
"""Height of a row of panels, in inches."""

EXTRA = 0.65
"""Height of what stands above and below them, in inches."""


class PairsPanel(NamedTuple):
    """A dataset's panel: where it is drawn, the run, its pairs of i* and r, and whether another is drawn left of it."""

    axes: Axes
    results: RunResults
    pairs: pd.DataFrame
    inner: bool


def sheet_of_pairs(grid: RunGrid, model: str, label: str) -> tuple[Figure, list[PairsPanel]]:
    """A sheet with the panels that there are pairs for; the others say what is missing.

    Args:
        grid: whose results are drawn.
        model: whose.
        label: of the vertical axes.
    """
    rows = (len(grid.datasets) + 1) // 2
    figure = new_sheet(COLUMN, EXTRA + ROW * rows)
    places = figure.subplots(rows, 2, squeeze=False).ravel().tolist()
    for axes in places[len(grid.datasets) :]:
        axes.set_axis_off()
    for axes in places[max(0, len(grid.datasets) - 2) : len(grid.datasets)]:
        axes.set_xlabel("Δα = α(i*) − α(r)")
    for axes in places[::2]:
        axes.set_ylabel(label)
    return figure, list(_fill(grid, model, places))


def _fill(grid: RunGrid, model: str, places: Sequence[Axes]) -> Iterator[PairsPanel]:
    beside = False
    for i, (axes, dataset) in enumerate(zip(places, grid.datasets, strict=False)):
        beside = beside and i % 2 == 1
        name_panel(axes, dataset)
        results = grid.results(dataset, model)
        pairs = None if results is None else delta_js_pairs(results)
        if results is None or pairs is None:
            say_missing(axes, grid.why_missing(dataset, model))
        elif pairs.empty:
            say_missing(axes, "No document whose items were kept has several")
        else:
            yield PairsPanel(axes, results, pairs, beside)
            beside = True


def say_inside(axes: Axes, words: str, *, top: bool) -> None:
    """Put words into the right-hand corner of a panel, above or below."""
    y, va = (0.97, "top") if top else (0.03, "bottom")
    axes.text(0.98, y, words, ha="right", va=va, fontsize=SMALL, transform=axes.transAxes)
