"""How alike the orderings are, each with each: a matrix of Kendall's τ."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from attnprobe.analysis.rank_agreement import rank_agreement
from attnprobe.analysis.results import RunResults
from attnprobe.reports import style
from attnprobe.reports.drawn import require_drawn
from attnprobe.reports.figures.frame import Drawn, new_panel
from attnprobe.reports.type_widths import fitted

SIDE = 0.34
"""Of a cell, in inches."""

NAMES = 1.35
"""That names take on either side, in inches."""

NARROW, LEAST = 0.2, 3.3
"""Side of a cell where there are many, which have no room for numbers; and the least width of a figure, in inches."""

ALL_NUMBERED = 13
"""Orderings up to which cells hold numbers."""

DARK = 0.4
"""Luminance below which a cell's number is white."""


def draw(results: RunResults, ax: Axes | None = None) -> Drawn | None:
    """A cell a pair of orderings, the darker the further τ is from 0; None where no orders are kept."""
    found = rank_agreement(results)
    if found is None:
        return None
    names, count = found["orderings"], len(found["orderings"])
    taus = np.full((count, count), np.nan)
    for pair in found["pairs"]:
        row, column = names.index(pair.second), names.index(pair.first)
        taus[row, column] = pair.kendall_tau.value
    require_drawn("pairs", len(found["pairs"]), count * (count - 1) / 2)
    side = SIDE if count <= ALL_NUMBERED else NARROW
    width, height = max(LEAST, NAMES + side * (count - 1) + 0.75), NAMES + side * (count - 1) + 0.35
    documents = found["documents"]
    figure, axes = new_panel(results, height, documents, ax=ax, width=width)
    # The first row and the last column would be empty: an ordering is not compared with itself.
    mesh = axes.pcolormesh(taus[1:, :-1], cmap="PuOr_r", vmin=-1, vmax=1, edgecolors="white", linewidth=0.6)
    if count <= ALL_NUMBERED:
        for (row, column), tau in np.ndenumerate(taus[1:, :-1]):
            if not np.isnan(tau):
                words = f"{np.round(tau, 2) + 0.0:.2f}".replace("-", "\N{MINUS SIGN}").replace("0.", ".")
                luminance = np.dot(mesh.to_rgba(tau)[:3], (0.2126, 0.7152, 0.0722))
                colour = "white" if luminance < DARK else "black"
                axes.text(column + 0.5, row + 0.5, words, ha="center", va="center", color=colour, fontsize=6)
    shown = [fitted(results.title(name), NAMES - 0.1) for name in names]
    axes.set_xticks(np.arange(count - 1) + 0.5, [words for words, _ in shown[:-1]], rotation=60, ha="right")
    axes.set_yticks(np.arange(count - 1) + 0.5, [words for words, _ in shown[1:]])
    for label, (_, size) in zip(
        (*axes.get_xticklabels(), *axes.get_yticklabels()), (*shown[:-1], *shown[1:]), strict=True
    ):
        label.set(fontsize=size, parse_math=False, rotation_mode="anchor")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set(aspect="equal", ylim=(count - 1, 0))
    bar = figure.colorbar(mesh, ax=axes, shrink=0.7, aspect=18, pad=0.02)
    bar.set_label("Kendall's τ, mean over documents", fontsize=style.SETTINGS["axes.labelsize"])
    bar.outline.set_visible(False)
    return figure
