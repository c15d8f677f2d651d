"""The better figure: flip curves of every ordering with the smallest set, datasets × models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter

from attnprobe.analysis.first_flips import flip_curves
from attnprobe.analysis.results import ATTENTION, RunResults
from attnprobe.papers.serrano2019.figures.box_panel import whole_percent
from attnprobe.papers.serrano2019.figures.grid import RunGrid
from attnprobe.papers.serrano2019.figures.panel_order import MODEL_NAMES, in_order_of_display, model_name
from attnprobe.papers.serrano2019.figures.sheet import (
    GREY,
    PAGE,
    head,
    new_sheet,
    say_missing,
    without_smallest_sets,
    write,
)
from attnprobe.reports import style
from attnprobe.reports.drawn import require_drawn
from attnprobe.reports.type_widths import fitted

FRACTIONS = np.linspace(0, 1, 401) ** 2
"""Equally far apart on an axis of square roots."""

WITHOUT = "of all documents; without: the share that does not flip so when the most attended items go first"

HOW_TO_READ = f"flips while something is left, {WITHOUT}"

HOW_TO_READ_AS_RELEASED = f"flips, with nothing left too, {WITHOUT}"

UNITS = {"word": "words", "sentence": "sentences", "token": "tokens"}

TICKS = (0, 0.05, 0.25, 0.5, 1)
TICK_LABELS = [f"{100 * tick:g}" for tick in TICKS]

COLUMN_WIDTH = 1.0
"""Least width of a panel, in inches."""


def draw(grid: RunGrid, folder: Path) -> list[Path]:
    """One panel a pair. All documents are in the denominator: a curve ends at the share that flips at all."""
    rows, columns = len(grid.datasets), len(grid.models)
    figure = new_sheet(max(PAGE, COLUMN_WIDTH * columns), 0.75 + 1.02 * rows)
    panels = figure.subplots(rows, columns, squeeze=False)
    shown: dict[str, list[str]] = {model: [] for model in grid.models}
    units: dict[str, None] = {}
    drawn: set[tuple[int, int]] = set()
    for i, dataset in enumerate(grid.datasets):
        for j, model in enumerate(grid.models):
            results = grid.results(dataset, model)
            if results is None:
                say_missing(panels[i, j], grid.why_missing(dataset, model), 14)
            else:
                shown[model] += _draw_panel(panels[i, j], results)
                units |= {results.unit: None}
                drawn.add((i, j))
    _name_rows_and_columns(grid, panels, drawn)
    orderings = in_order_of_display(shown.values())
    colours, dashes = style.colours(orderings), style.dashes(orderings)
    lines: dict[str, Artist] = {
        grid.title(name): Line2D([], [], color=colours[name], dashes=dashes[name] or (1, 0)) for name in orderings
    }
    said = (HOW_TO_READ_AS_RELEASED if grid.released else HOW_TO_READ) + without_smallest_sets(shown)
    head(figure, f"Documents flipped by the share of their items erased · {grid.note}", said, lines)
    items = " or ".join(name for unit, name in UNITS.items() if unit in units)
    figure.supxlabel(f"{items.capitalize()} erased, %, on an axis of square roots", fontsize=7.5)
    figure.supylabel("Documents flipped", fontsize=7.5)
    return write(figure, folder, "flip_curves")


def _name_rows_and_columns(grid: RunGrid, panels: npt.NDArray[Any], drawn: set[tuple[int, int]]) -> None:
    """Names of models and datasets; numbers along the axes of the panels that are the lowest or leftmost drawn."""
    for j, model in enumerate(grid.models):
        name = _on_two_lines(model_name(model)) if model in MODEL_NAMES else fitted(model_name(model), 0.8, 7.0)[0]
        panels[0, j].set_title(name, fontsize=7, parse_math=False, pad=9)
    for i, dataset in enumerate(grid.datasets):
        name, size = fitted(dataset, 0.85, 7.0)
        panels[i, 0].set_ylabel(name, fontsize=size, parse_math=False)
    for i, j in drawn:
        left = not any((i, other) in drawn for other in range(j))
        lowest = not any((other, j) in drawn for other in range(i + 1, len(panels)))
        panels[i, j].tick_params(labelleft=left, labelbottom=lowest)
        if not left and (i, j - 1) in drawn:  # which ends where this one begins
            panels[i, j].set_xticks(TICKS, ["", *TICK_LABELS[1:]])


def _on_two_lines(name: str) -> str:
    """As the narrow panels need it.

    >>> _on_two_lines("HAN without encoder")
    'HAN without\\nencoder'
    """
    return name.replace(" encoder", "\nencoder")


def _draw_panel(axes: Axes, results: RunResults) -> list[str]:
    """Draw the curves of a run; returns the orderings."""
    curves = flip_curves(results, FRACTIONS)
    colours, dashes = style.colours(curves), style.dashes(curves)
    for name, curve in curves.items():
        require_drawn(f"share of flips by {name}", curve[-1], np.mean(~np.isnan(results.first_flips[name].fraction)))
        axes.plot(FRACTIONS, curve, color=colours[name], dashes=dashes[name] or (1, 0), linewidth=0.9)
    axes.set_xscale("function", functions=(np.sqrt, np.square))
    axes.set(xlim=(0, 1), ylim=(0, 1.03))
    axes.set_xticks(TICKS, TICK_LABELS)
    axes.set_yticks((0, 0.5, 1))
    axes.yaxis.set_major_formatter(PercentFormatter(1, symbol=" %"))
    axes.tick_params(labelsize=6, length=2)
    axes.grid(color="#E6E6E6", linewidth=0.4)
    without = whole_percent(1 - float(curves[ATTENTION][-1]))
    said = f"n = {len(results.several):,}, without {without} %"
    axes.text(0.5, 1.02, said, ha="center", va="bottom", fontsize=5, color=GREY, transform=axes.transAxes)
    return list(curves)
