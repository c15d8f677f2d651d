"""Rank of the values and nullity of attention against the number of items (after Bhardwaj et al. 2021)."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from attnprobe.analysis.identifiability_results import load_identifiability, numbers
from attnprobe.analysis.results import RunResults
from attnprobe.reports.drawn import documents_in, require_drawn
from attnprobe.reports.figures.frame import Drawn, legend_above, new_panel, say_instead

_DOTS = 4000
"""At most so many are drawn of each kind: a seeded sample of the rows beyond."""

_SHOWN = {
    "rank": ("#0072B2", "rank of [V, 1]"),
    "practical_rank_1e2": ("#56B4E9", "… above 1 %"),
    "nullity": ("#D55E00", "nullity"),
}
"""Columns that are drawn: in which colour, and what the legend says."""


def draw(results: RunResults, ax: Axes | None = None) -> Drawn | None:
    """A dot a document × head for the rank of [V, 1] and one for the nullity; None where nothing was identified.

    The rank without singular values below 1 % of the largest stands beside it: how many dimensions matter.
    """
    found = load_identifiability(results)
    if found is None:
        return None
    table = found.heads
    if len(table) > _DOTS:
        table = table.sample(_DOTS, random_state=0)
    figure, axes = new_panel(results, height=2.7, documents=documents_in(table), ax=ax)
    if not len(table):
        say_instead(axes, f"No document has more than one {results.unit}.")
        return figure
    dimensions = {column: numbers(table, column) for column in _SHOWN}
    for column, values in dimensions.items():
        require_drawn(f"numbers of {column}", np.count_nonzero(np.isfinite(values)), len(table))
    items = numbers(table, "n")
    longest = float(items.max())
    widths = np.unique(numbers(table, "d_v"))
    for width in widths:
        if width + 1 < longest:
            axes.axhline(width + 1, color="#888888", linewidth=0.6, dashes=(1, 2))
            axes.annotate(f"$d_v$ + 1 = {width + 1:.0f}", (longest, width + 1), ha="right", va="bottom", fontsize=6)
    axes.plot([0, longest], [0, longest], color="#888888", linewidth=0.6)
    dots: dict[str, Any] = {"s": 5, "linewidths": 0, "alpha": 0.5, "rasterized": True}
    for column, (colour, label) in _SHOWN.items():
        axes.scatter(items, dimensions[column], color=colour, label=label, **dots)
    unit = f"{results.unit.capitalize()}s" if table["stack"].iloc[0] == "pooling" else "Tokens attended to"
    axes.set(xlim=(0, longest * 1.02), ylim=(0, max(longest * 1.02, 2)))
    axes.set_xlabel(f"{unit} (line: rank = number)")
    axes.set_ylabel("Dimensions")
    legend_above(axes)
    return figure
