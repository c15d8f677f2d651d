"""The frontier drawn: the mean of the largest divergence against ε, and how it is spread over documents."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from attnprobe.analysis.adversary_frontier import Frontier
from attnprobe.analysis.results import RunResults
from attnprobe.reports.figures.frame import Drawn, legend_above, new_panel

_BLUE, _ORANGE = "#0072B2", "#D55E00"


def draw_frontier(results: RunResults, rows: pd.DataFrame, frontier: Frontier) -> Drawn:
    """Means with their intervals, every document behind them, and what a search reached.

    Args:
        results: of the run, for the title.
        rows: one a document and epsilon.
        frontier: made of them.
    """
    figure, axes = new_panel(results, height=2.4, documents=frontier.documents)
    epsilons = [one.epsilon for one in frontier.at]
    places = np.arange(len(epsilons))
    for place, epsilon in zip(places, epsilons, strict=True):
        values = rows.loc[rows["epsilon"] == epsilon, "js"].to_numpy()
        # Spread sideways by rank, the same each time.
        sideways = place + 0.28 * (((np.argsort(np.argsort(values)) * 0.618) % 1) - 0.5)
        axes.plot(sideways, values, ".", color="#A8A8A8", markersize=1.8, zorder=1)
    axes.plot(places, [one.js.value for one in frontier.at], color=_BLUE, marker="o", markersize=3.5, label="attained")
    for place, one in zip(places, frontier.at, strict=True):
        axes.plot([place] * 2, [one.js.low, one.js.high], color=_BLUE, linewidth=1.4)
    if any(one.exact < frontier.documents for one in frontier.at):
        bounds = [one.js_bound.value for one in frontier.at]
        axes.plot(places, bounds, color=_BLUE, linestyle=(0, (3, 2)), label="certain bound")
    if frontier.searched is not None:
        at = epsilons.index(frontier.searched.epsilon)
        n = frontier.searched.reached.n
        same = frontier.searched.attained.value
        axes.plot(
            at,
            same,
            "D",
            color=_ORANGE,
            markerfacecolor="white",
            markersize=4,
            label=f"attained, in these {n}",
            zorder=3,
        )
        label = f"gradient search ({n} documents)"
        axes.plot(at, frontier.searched.reached.value, "D", color=_ORANGE, markersize=4, label=label, zorder=3)
    axes.axhline(math.log(2), color="black", linewidth=0.6, linestyle=(0, (1, 1.5)))
    axes.set(ylim=(0, 0.73), xlim=(-0.5, len(epsilons) - 0.5))
    if frontier.same_output:
        axes.set_xticks(places, ["the same vector is pooled"])
    else:
        axes.set_xticks(places, [f"{epsilon:g}" for epsilon in epsilons])
        axes.set_xlabel("ε, by which the prediction may move")
    axes.set_ylabel("largest divergence of attention (nats)")
    axes.text(-0.45, math.log(2) + 0.006, "log 2", fontsize=6, va="bottom")
    legend_above(axes)
    return figure
