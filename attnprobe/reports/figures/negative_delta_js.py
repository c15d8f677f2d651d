"""Where ΔJS is negative: the item with the largest weight did less than another (Serrano & Smith 2019, figure 4)."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from attnprobe.analysis.delta_js import by_delta_alpha, delta_js_pairs, fine_width
from attnprobe.analysis.results import ATTENTION, RunResults
from attnprobe.analysis.single_weights import single_flips
from attnprobe.reports import style
from attnprobe.reports.figures.panel import legend_above, new_panel, say_instead
from attnprobe.reports.numbers import percent_with_interval


def draw(results: RunResults) -> Figure:
    """A histogram of the Δα of the pairs with ΔJS < 0, before that of all pairs."""
    pairs = delta_js_pairs(results)
    figure, axes = new_panel(results, height=2.4, documents=pairs["document"].nunique())
    if not (pairs["delta_js"] < 0).any():
        say_instead(axes, "ΔJS is never negative: no item does more than the one with the largest weight.")
        return figure
    width = fine_width(pairs)
    bins = by_delta_alpha(pairs, width)
    lows = [each.low for each in bins]
    negative = np.array([each.negative for each in bins])
    everything = [each.weight for each in bins]
    share = single_flips(results)[ATTENTION].negative._asdict()
    axes.bar(lows, everything, width, align="edge", color="#DDDDDD", label="All pairs")
    axes.bar(
        lows,
        negative,
        width,
        align="edge",
        color=style.COLOURS[ATTENTION],
        label=f"ΔJS < 0: {percent_with_interval(share)}",
    )
    axes.set_yscale("log")
    axes.set_ylim(bottom=negative[negative > 0].min() / 3)
    axes.set_xlim(0, bins[-1].high)
    axes.set_xlabel("Δα = α(i*) − α(r)")
    axes.set_ylabel("Weight of the pairs (documents)")
    legend_above(axes)
    return figure
