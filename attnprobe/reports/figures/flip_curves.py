"""Share of documents flipped against the fraction of their items erased, by ordering."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from attnprobe.analysis.first_flips import GRID, flip_curves
from attnprobe.analysis.results import RunResults
from attnprobe.reports import style
from attnprobe.reports.drawn import require_drawn
from attnprobe.reports.figures.frame import Drawn, legend_above, new_panel, said_of_smallest_sets, say_instead
from attnprobe.reports.type_widths import in_figure


def draw(results: RunResults, ax: Axes | None = None) -> Drawn:
    """One curve an ordering; all documents are counted, so that a curve ends at the share that flips at all."""
    figure, axes = new_panel(results, height=2.7, ax=ax)
    curves = flip_curves(results)
    if not any(curve[-1] > 0 for curve in curves.values()):
        say_instead(axes, "No decision flips under any ordering while something is left.")
        return figure
    for name, curve in curves.items():
        require_drawn(f"share of flips by {name}", curve[-1], np.mean(~np.isnan(results.first_flips[name].fraction)))
    colours, dashes = style.colours(curves), style.dashes(curves)
    for name, curve in curves.items():
        axes.step(
            GRID,
            curve,
            where="post",
            color=colours[name],
            dashes=dashes[name],
            label=in_figure(results.title(name)),
        )
    axes.set(xlim=(0, 1.005), ylim=(0, 1.02))
    axes.set_xlabel(f"{results.unit.capitalize()}s erased{said_of_smallest_sets(results)}")
    axes.set_ylabel("Documents flipped\nwhile something is left")
    axes.xaxis.set_major_formatter(PercentFormatter(1, symbol=" %"))
    axes.yaxis.set_major_formatter(PercentFormatter(1, symbol=" %"))
    axes.grid(color="#E6E6E6", linewidth=0.4)
    legend_above(axes)
    return figure
