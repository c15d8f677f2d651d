"""ΔJS against Δα, weighted pairs (Serrano & Smith 2019, figure 3)."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, LogNorm
from matplotlib.patheffects import withStroke

from attnprobe.analysis.delta_js import (
    DeltaAlphaBin,
    by_delta_alpha,
    delta_js_pairs,
    fine_width,
    weighted_quantiles,
)
from attnprobe.analysis.results import RunResults
from attnprobe.reports.drawn import documents_in, even_edges, require_drawn, weights_in_cells
from attnprobe.reports.figures.frame import Drawn, legend_above, new_panel, say_instead

CELLS = 60
"""Of the histogram, along each axis."""

COLOURS = ListedColormap(colormaps["Blues"](np.linspace(0.2, 1, 256)))
"""Without the palest, which print as nothing."""

LINES = "#D55E00"
"""Vermilion, which stands out from blue for the colour-blind too."""

FEWEST_DOCUMENTS = 10
"""In a bin of Δα, for its quantiles to be drawn."""


def draw(results: RunResults, ax: Axes | None = None) -> Drawn:
    """A histogram of the pairs with a logarithmic colour scale; lines for the median and the 90 % quantile of ΔJS.

    ΔJS spans decades and has both signs: its axis is linear about zero and logarithmic beyond.
    """
    pairs = delta_js_pairs(results)
    documents = documents_in(pairs)
    figure, axes = new_panel(results, height=2.7, documents=documents, ax=ax)
    if pairs.empty:
        say_instead(axes, "No document whose items were kept has more than one.")
        return figure
    bins = by_delta_alpha(pairs, fine_width(pairs))
    across = np.linspace(0, bins[-1].high, CELLS + 1)
    ends = _scale(axes, pairs)
    up = even_edges(axes.yaxis.get_transform(), ends, CELLS)
    weights = weights_in_cells(pairs, across, up)
    require_drawn("documents", weights.sum(), documents)
    shown = np.ma.masked_equal(weights.T, 0)
    cells = axes.pcolormesh(across, up, shown, norm=LogNorm(), cmap=COLOURS, rasterized=True)
    bar = figure.colorbar(cells, ax=axes, pad=0.02, aspect=30)
    bar.set_label("Weight of the pairs (documents)")
    axes.axhline(0, color="#777777", linewidth=0.6)
    _draw_quantiles(axes, [each for each in bins if each.documents >= FEWEST_DOCUMENTS])
    axes.set_xlabel("Δα = α(i*) − α(r)")
    axes.set_ylabel("ΔJS (nats)")
    return figure


def _scale(axes: Axes, pairs: pd.DataFrame) -> tuple[float, float]:
    """Give the axis of ΔJS its scale; returns its ends."""
    delta_js, weight = pairs["delta_js"].to_numpy(), pairs["weight"].to_numpy()
    small = weighted_quantiles(np.abs(delta_js), weight, (0.1,))[0]
    threshold = 10.0 ** math.floor(math.log10(max(small, 1e-7)))
    ends = float(min(delta_js.min(), -threshold)), float(max(delta_js.max(), threshold))
    axes.set_yscale("symlog", linthresh=threshold, linscale=0.5)
    axes.set_ylim(ends)
    return ends


def _draw_quantiles(axes: Axes, bins: list[DeltaAlphaBin]) -> None:
    if not bins:
        return
    middles = [(each.low + each.high) / 2 for each in bins]
    medians, uppers = [each.median for each in bins], [each.upper for each in bins]
    halo = [withStroke(linewidth=2.4, foreground="white")]
    for line in (
        *axes.plot(middles, medians, label="Median"),
        *axes.plot(middles, uppers, label="90 % quantile", dashes=(3, 1.2)),
    ):
        line.set(color=LINES, marker="o", markersize=1.5, path_effects=halo)
    legend_above(axes)
