"""How far a predicted number moves against the share of the items that are erased, by ordering."""

from __future__ import annotations

import textwrap

from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from attnprobe.analysis.first_flips import GRID
from attnprobe.analysis.output_moves import moves_on_grid, output_moves
from attnprobe.analysis.results import RunResults
from attnprobe.analysis.whole_curves import WholeCurves
from attnprobe.reports import style
from attnprobe.reports.drawn import require_drawn
from attnprobe.reports.figures.frame import Drawn, legend_above, new_panel
from attnprobe.reports.type_widths import in_figure


def draw(results: RunResults, ax: Axes | None = None) -> Drawn | None:
    """One curve an ordering, a mean over documents and draws; None where the model predicts no number."""
    curves, statistics = WholeCurves.of(results), output_moves(results)
    if curves is None or statistics is None:
        return None
    figure, axes = new_panel(results, height=2.9, documents=statistics["documents"], ax=ax)
    moved = moves_on_grid(curves, GRID)
    colours, dashes = style.colours(moved), style.dashes(moved)
    for name, mean in moved.items():
        require_drawn(f"end of the curve of {name}", mean[-1], statistics["orderings"][name].everything.value)
        axes.plot(GRID, mean, color=colours[name], dashes=dashes[name], label=in_figure(results.title(name)))
    axes.set(xlim=(0, 1), ylim=(0, None))
    said = "" if results.meaning.flips else "\n" + textwrap.fill("(a number is predicted: nothing can flip)", 40)
    axes.set_xlabel(f"{results.unit.capitalize()}s erased{said}")
    axes.set_ylabel("Mean |Δoutput|")
    axes.xaxis.set_major_formatter(PercentFormatter(1, symbol=" %"))
    axes.grid(color="#E6E6E6", linewidth=0.4)
    legend_above(axes)
    return figure
