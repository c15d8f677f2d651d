"""How often first flips happen outside of what the model was trained on: a bar an ordering."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from attnprobe.analysis.in_distribution import in_distribution
from attnprobe.analysis.results import RunResults
from attnprobe.erasure.state_names import OUTSIDE
from attnprobe.reports import style
from attnprobe.reports.figures.frame import Drawn, new_panel, raise_title
from attnprobe.reports.type_widths import in_figure


def draw(results: RunResults, ax: Axes | None = None) -> Drawn | None:
    """A bar an ordering, and a line where whole documents are; None where the run does not know it."""
    found = in_distribution(results)
    if found is None:
        return None
    names = list(found.orderings)
    colours = style.colours(names)
    figure, axes = new_panel(results, height=1.2 + 0.22 * len(names), ax=ax)
    for place, name in enumerate(names):
        share = found.orderings[name].outside
        bar = axes.barh(place, share.value, height=0.62, color=colours[name], alpha=0.55)
        bar.patches[0].set(edgecolor="black", linewidth=0.5)
        if not np.isnan([share.low, share.high]).any():
            axes.plot([share.low, share.high], [place, place], color="black", linewidth=0.9)
        axes.text(
            1.02,
            place,
            f"n = {share.n:,}",
            transform=axes.get_yaxis_transform(),
            va="center",
            fontsize=style.SETTINGS["legend.fontsize"],
        )
    axes.axvline(found.unerased.value, color="black", linewidth=0.8, linestyle=(0, (4, 2)))
    axes.text(found.unerased.value, -0.75, " whole documents", va="bottom", fontsize=style.SETTINGS["legend.fontsize"])
    raise_title(axes)
    axes.set_yticks(range(len(names)), [in_figure(results.title(name)) for name in names])
    axes.tick_params(axis="y", length=0)
    highest = max((each.outside.high for each in found.orderings.values() if each.outside.high > 0), default=0.1)
    axes.set(xlim=(0, 1.05 * min(1.0, max(0.1, highest))), ylim=(len(names) - 0.4, -0.7))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:.0f} %"))
    axes.set_xlabel(f"Of n first flips outside, p < {OUTSIDE:g} (lines: 95 %)".replace("0.", "."))
    axes.grid(axis="x", color="#E6E6E6", linewidth=0.4)
    axes.set_axisbelow(True)
    return figure
