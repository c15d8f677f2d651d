"""Where ΔJS is negative: the item with the largest weight did less than another (Serrano & Smith 2019, figure 4)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from attnprobe.analysis.bootstrap import Estimate, means
from attnprobe.analysis.delta_js import by_delta_alpha, delta_js_pairs, fine_width
from attnprobe.analysis.results import ATTENTION, RunResults
from attnprobe.reports import style
from attnprobe.reports.drawn import documents_in, require_drawn
from attnprobe.reports.figures.frame import Drawn, legend_above, new_panel, say_instead
from attnprobe.reports.numbers import percent_with_interval


def draw(results: RunResults, ax: Axes | None = None) -> Drawn:
    """A histogram of the Δα of the pairs with ΔJS < 0, before that of all pairs."""
    pairs = delta_js_pairs(results)
    documents = documents_in(pairs)
    figure, axes = new_panel(results, height=2.4, documents=documents, ax=ax)
    if not (pairs["delta_js"] < 0).any():
        say_instead(axes, "ΔJS is never negative: no item does more than the one with the largest weight.")
        return figure
    width = fine_width(pairs)
    bins = by_delta_alpha(pairs, width)
    lows = [each.low for each in bins]
    negative = np.array([each.negative for each in bins])
    everything = np.array([each.weight for each in bins])
    share = negative_share(pairs)
    require_drawn("documents", everything.sum(), documents)
    require_drawn("documents with a negative ΔJS", negative.sum(), share.value * documents)
    axes.bar(lows, everything, width, align="edge", color="#DDDDDD", label="All pairs")
    axes.bar(
        lows,
        negative,
        width,
        align="edge",
        color=style.COLOURS[ATTENTION],
        label=f"ΔJS < 0: {percent_with_interval(share._asdict())}",
    )
    axes.set_yscale("log")
    axes.set_ylim(bottom=min(heights[heights > 0].min() for heights in (negative, everything)) / 3)
    axes.set_xlim(0, bins[-1].high)
    axes.set_xlabel("Δα = α(i*) − α(r)")
    axes.set_ylabel("Weight of the pairs (documents)")
    legend_above(axes)
    return figure


def negative_share(pairs: pd.DataFrame) -> Estimate:
    """The share of the pairs with ΔJS < 0, averaged over the other items of each document: of what is drawn."""
    negative = pairs["weight"].where(pairs["delta_js"] < 0, 0.0)
    by_document = negative.groupby(pairs["document"]).sum()
    return means({"negative": by_document.to_numpy(dtype=np.float64)})["negative"]
