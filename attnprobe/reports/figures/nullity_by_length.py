"""Rank of the values and nullity of attention against the number of items (after Bhardwaj et al. 2021)."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from attnprobe.analysis.identifiability_results import load_identifiability, numbers
from attnprobe.analysis.results import RunResults
from attnprobe.reports.figures.panel import legend_above, new_panel, say_instead

_DOTS = 4000
"""At most so many are drawn of each kind: a seeded sample of the rows beyond."""


def draw(results: RunResults) -> Figure | None:
    """A dot a document × head for the rank of [V, 1] and one for the nullity; None where nothing was identified.

    The rank without singular values below 1 % of the largest stands beside it: how many dimensions matter.
    """
    found = load_identifiability(results)
    if found is None:
        return None
    figure, axes = new_panel(results, height=2.7)
    table = found.heads
    if not len(table):
        say_instead(axes, f"No document has more than one {results.unit}.")
        return figure
    if len(table) > _DOTS:
        table = table.sample(_DOTS, random_state=0)
    items = numbers(table, "n")
    longest = float(items.max())
    widths = np.unique(numbers(table, "d_v"))
    for width in widths:
        if width + 1 < longest:
            axes.axhline(width + 1, color="#888888", linewidth=0.6, dashes=(1, 2))
            axes.annotate(f"$d_v$ + 1 = {width + 1:.0f}", (longest, width + 1), ha="right", va="bottom", fontsize=6)
    axes.plot([0, longest], [0, longest], color="#888888", linewidth=0.6)
    dots: dict[str, Any] = {"s": 5, "linewidths": 0, "alpha": 0.5, "rasterized": True}
    axes.scatter(items, numbers(table, "rank"), color="#0072B2", label="rank of [V, 1]", **dots)
    axes.scatter(items, numbers(table, "practical_rank_1e2"), color="#56B4E9", label="… above 1 %", **dots)
    axes.scatter(items, numbers(table, "nullity"), color="#D55E00", label="nullity", **dots)
    unit = f"{results.unit.capitalize()}s" if table["stack"].iloc[0] == "pooling" else "Tokens attended to"
    axes.set(xlim=(0, longest * 1.02), ylim=(0, max(longest * 1.02, 2)))
    axes.set_xlabel(f"{unit} (line: rank = number)")
    axes.set_ylabel("Dimensions")
    legend_above(axes)
    return figure
