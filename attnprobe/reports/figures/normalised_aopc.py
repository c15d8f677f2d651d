"""Where the comprehensiveness of each ordering lies between the least and the most that any ordering reaches."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from attnprobe.analysis.curve_statistics import curve_statistics
from attnprobe.analysis.results import RunResults
from attnprobe.erasure.curve_names import SCORES
from attnprobe.reports import style
from attnprobe.reports.figures.frame import LINE, Drawn, legend_above, new_panel
from attnprobe.reports.type_widths import in_figure

_MARKERS = {"probability": "o", "logit": "D"}


def draw(results: RunResults, ax: Axes | None = None) -> Drawn | None:
    """A point an ordering and score, with its interval; None where limits of no document were found."""
    statistics = curve_statistics(results)
    if statistics is None or not statistics["limits"]:
        return None
    orderings = statistics["orderings"]
    documents = max(counts.documents for counts in statistics["limits"].values())
    figure, axes = new_panel(results, height=1.0 + 2 * LINE * len(orderings), documents=documents, ax=ax)
    colours = style.colours(orderings)
    rows = np.arange(len(orderings), 0, -1)
    for score, offset in zip(SCORES, (0.13, -0.13), strict=True):
        if score not in statistics["limits"]:
            continue
        for row, name in zip(rows, orderings, strict=True):
            at = orderings[name][score].normalised
            axes.plot([at.low, at.high], [row + offset] * 2, color=colours[name], linewidth=1.2)
            fill = colours[name] if score == "probability" else "white"
            axes.plot(at.value, row + offset, _MARKERS[score], color=colours[name], markerfacecolor=fill, markersize=4)
        fill = "black" if score == "probability" else "white"
        axes.plot([], [], _MARKERS[score], color="black", markerfacecolor=fill, markersize=4, label=f"of the {score}")
    axes.set(xlim=(0, 1), ylim=(0.5, len(orderings) + 0.5))
    axes.set_yticks(rows, [in_figure(results.title(name)) for name in orderings])
    found = any(counts.attained for counts in statistics["limits"].values())
    between = "worst found (0 %)\nand the best found" if found else "worst ordering (0 %)\nand the best"
    axes.set_xlabel(f"AOPC, between the {between} (100 %)")
    axes.xaxis.set_major_formatter(PercentFormatter(1, symbol=" %"))
    axes.grid(axis="x", color="#E6E6E6", linewidth=0.4)
    legend_above(axes)
    return figure
