"""How much is erased until the decision flips, and how much has to be kept until it is guaranteed, back to back."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from attnprobe.analysis.bootstrap import Estimate
from attnprobe.analysis.certified_sets import SHORT, certified_sets
from attnprobe.analysis.first_flips import first_flip_statistics
from attnprobe.analysis.results import RunResults
from attnprobe.analysis.sufficient_sets import sufficient_sets
from attnprobe.erasure.certified_names import EVERY_SET
from attnprobe.reports import style
from attnprobe.reports.figures.frame import LINE, Drawn, new_panel, raise_title
from attnprobe.reports.type_widths import in_figure


def draw(results: RunResults, ax: Axes | None = None) -> Drawn | None:
    """A bar to the left and one to the right an ordering, and the optima of both; None where they are not known."""
    found = sufficient_sets(results)
    if found is None:
        return None
    flips, certified = first_flip_statistics(results), certified_sets(results)
    erased = {name: flip.restricted_mean for name, flip in flips.items()} if certified is None else certified.erased
    names = [name for name in found.orderings if name in flips]
    colours = style.colours(names)
    rows = [(in_figure(results.title(name)), erased[name], found.orderings[name]) for name in names]
    fills = [colours[name] for name in names]
    smallest = certified.flips[SHORT].known if certified is not None else None
    if results.smallest_sets is not None:
        smallest = flips[results.smallest_sets].restricted_mean
    if smallest is not None:
        rows.append(("Smallest set", smallest, found.smallest.share))
        fills.append("black")
    height = 1.15 + 0.24 * len(rows) + LINE * (certified is not None)
    figure, axes = new_panel(results, height, documents=found.smallest.share.n, ax=ax)
    places = list(range(len(rows)))
    for place, (_, gone, kept), fill in zip(places, rows, fills, strict=True):
        for estimate, side in ((gone, -1), (kept, 1)):
            bar = axes.barh(place, side * estimate.value, height=0.62, color=fill, alpha=0.55)
            bar.patches[0].set(edgecolor="black", linewidth=0.5)
            _whisker(axes, place, side, estimate)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_yticks(places, [name for name, *_ in rows])
    axes.tick_params(axis="y", length=0)
    axes.set(xlim=(-1.02, 1.02), ylim=(len(rows) - 0.4, -0.6))
    axes.set_xticks([-1, -0.5, 0, 0.5, 1])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{abs(share):.0%}".replace("%", " %")))
    of = "" if certified is None else f",\ndocuments of at most {EVERY_SET} {results.unit}s"
    axes.set_xlabel(f"Share of the {results.unit}s (means, lines: 95 %){of}")
    for at, words, edge in ((-0.04, "← erased until it flips", "right"), (0.04, "kept to guarantee it →", "left")):
        axes.text(at, -0.7, words, ha=edge, va="bottom", fontsize=style.SETTINGS["legend.fontsize"])
    raise_title(axes)
    axes.grid(axis="x", color="#E6E6E6", linewidth=0.4)
    axes.set_axisbelow(True)
    return figure


def _whisker(axes: Axes, place: float, side: int, estimate: Estimate) -> None:
    if not np.isnan([estimate.low, estimate.high]).any():
        axes.plot([side * estimate.low, side * estimate.high], [place, place], color="black", linewidth=0.9)
