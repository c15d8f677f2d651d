"""The decision's probability against the share of the items that are erased, by ordering."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from attnprobe.analysis.curve_statistics import curve_statistics
from attnprobe.analysis.first_flips import GRID
from attnprobe.analysis.results import RunResults
from attnprobe.analysis.whole_curves import WholeCurves, on_grid
from attnprobe.reports import style
from attnprobe.reports.drawn import require_drawn
from attnprobe.reports.figures.frame import Drawn, legend_above, new_panel
from attnprobe.reports.type_widths import in_figure


def draw(results: RunResults, ax: Axes | None = None) -> Drawn | None:
    """One curve an ordering, a mean over documents and draws; None where the run keeps no whole curves."""
    curves, statistics = WholeCurves.of(results), curve_statistics(results)
    if curves is None or statistics is None:
        return None
    figure, axes = new_panel(results, height=2.9, documents=statistics["documents"], ax=ax)
    means = dict(on_grid(curves, "probability", GRID))
    colours, dashes = style.colours(means), style.dashes(means)
    for name, mean in means.items():
        area = statistics["orderings"][name]["probability"].comprehensiveness
        require_drawn(f"end of the curve of {name}", mean[-1], next(iter(means.values()))[-1])
        axes.plot(
            GRID,
            mean,
            color=colours[name],
            dashes=dashes[name],
            label=in_figure(f"{results.title(name)}, {_two_digits(area.value)}"),
        )
    axes.set(xlim=(0, 1), ylim=(0, 1.02))
    axes.set_xlabel(f"{results.unit.capitalize()}s erased\n(beside each ordering: AOPC, the mean fall)")
    axes.set_ylabel("Mean probability\nof the decision")
    axes.xaxis.set_major_formatter(PercentFormatter(1, symbol=" %"))
    axes.grid(color="#E6E6E6", linewidth=0.4)
    legend_above(axes)
    return figure


def _two_digits(value: float) -> str:
    return f"{np.round(value, 2) + 0.0:.2f}".replace("-", "\N{MINUS SIGN}")
