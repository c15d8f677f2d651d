"""Who flips decisions earlier, by what is meant by "erased": a panel an ordering that attention is compared with."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from attnprobe.analysis.over_meanings import OverMeanings, over_meanings
from attnprobe.analysis.results import RunResults
from attnprobe.erasure.registered_orderings import ATTENTION
from attnprobe.reports import style
from attnprobe.reports.figures.frame import Drawn, new_sheet, title, write_title
from attnprobe.reports.type_widths import in_figure

_SHAPES = {1: "o", -1: "s", 0: "D"}
"""Of a lead's mark, by its side: colours are not needed to tell them apart."""


def draw(results: RunResults, ax: Axes | None = None) -> Drawn | None:
    """Leads with their intervals, a row a way of erasing; None where there is one way alone."""
    found = over_meanings(results)
    if found is None:
        return None
    others = list(found.comparisons)
    figure = new_sheet((style.PAGE, 1.15 + 0.2 * len(found.ways)), ax)
    panels = figure.subplots(1, len(others), sharey=True, squeeze=False)[0]
    colours = style.colours([ATTENTION, *others])
    names = [in_figure(under.title) for under in found.ways.values()]
    for axes, (place, other) in zip(panels, enumerate(others), strict=True):
        for row, under in enumerate(found.ways.values()):
            lead = under.comparisons[place].lead
            side = int(lead.low > 0) - int(lead.high < 0)
            colour = {1: colours[ATTENTION], -1: colours[other], 0: "#777777"}[side]
            axes.plot([lead.low, lead.high], [row, row], color=colour, linewidth=1.4, solid_capstyle="butt")
            axes.plot(lead.value, row, _SHAPES[side], color=colour, markersize=3.6, markeredgecolor="black", mew=0.4)
        axes.axvline(0, color="black", linewidth=0.7)
        axes.axhline(0.5, color="#999999", linewidth=0.5, linestyle=(0, (2, 2)))
        axes.set(xlim=(-1.05, 1.05), ylim=(len(names) - 0.5, -0.5), yticks=range(len(names)))
        axes.set_xticks([-1, -0.5, 0, 0.5, 1])
        axes.xaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * abs(share):.0f}"))
        axes.set_title(_heading(results, other, found))
        axes.grid(axis="x", color="#E6E6E6", linewidth=0.4)
        axes.set_axisbelow(True)
        axes.tick_params(axis="y", length=0)
    panels[0].set_yticklabels(names)
    figure.supxlabel(
        "← the other earlier    share of documents, one less the other (points; lines: 95 %)    attention earlier →",
        fontsize=style.SETTINGS["axes.labelsize"],
    )
    count = len(results.several)
    write_title(figure, title(results, count, style.PAGE, sampled=results.is_sample))
    return figure


def _heading(results: RunResults, other: str, found: OverMeanings) -> str:
    return f"Against {in_figure(results.title(other)).lower()}:\n{found.comparisons[other]}"
