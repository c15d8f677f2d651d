"""Panels of box plots: datasets along the axis, a box an ordering, under them n and the shares without a flip."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import PercentFormatter

from attnprobe.analysis.first_flips import FractionBox
from attnprobe.analysis.results import RunResults
from attnprobe.papers.serrano2019.figures.grid import RunGrid
from attnprobe.papers.serrano2019.figures.panel_order import in_order_of_display, model_name
from attnprobe.papers.serrano2019.figures.sheet import (
    GREY,
    PAGE,
    SMALL,
    head,
    name_panel,
    new_sheet,
    say_missing,
    without_smallest_sets,
)
from attnprobe.reports import style
from attnprobe.reports.type_widths import SMALLEST, fitted, printable

Boxes = Callable[[RunResults], dict[str, FractionBox]]

SIDE_BY_SIDE = 4
"""With more datasets than this a panel takes the whole width."""

GROUP = 0.92
"""Share of a dataset's place that its boxes fill."""

BOXES = "box: quartiles, line: median, ◇: mean, whiskers: 5–95 %, of documents that flip"

HOW_TO_READ = f"{BOXES} while something is left; emptied: changes only when nothing is left"

HOW_TO_READ_AS_RELEASED = f"{BOXES}, with nothing left too; so none is emptied"

_EMPTIED, _NEVER = -0.055, -0.115
"""Below the axis, as shares of its height."""

BESIDE = 0.58
"""Left of a panel, for its axis, in inches."""


def box_sheet(grid: RunGrid, rows: Sequence[tuple[str, ...]], boxes: Boxes, measured: str, title: str) -> Figure:
    """A panel a model, those of a row side by side.

    Args:
        grid: whose results are drawn.
        rows: models.
        boxes: box statistics by ordering of a run.
        measured: what the axis says of them; ``{unit}s`` is words or sentences.
        title: of the sheet.
    """
    wide = len(grid.datasets) > SIDE_BY_SIDE
    places = [(model,) for row in rows for model in row] if wide else list(rows)
    figure = new_sheet(PAGE, 0.5 + 2.05 * len(places))
    if not places:
        say_missing(figure.add_subplot(), f"{title}: no run of any of them", 60)
        return figure
    panels = figure.subplots(len(places), 1 if wide else 2, squeeze=False)
    width = 0.94 * (PAGE / panels.shape[1] - BESIDE) / len(grid.datasets)
    drawn: dict[str, list[str]] = {}
    for row, models in zip(panels, places, strict=True):
        for axes, model in zip(row, models, strict=False):
            drawn[model] = _draw_model(axes, grid, model, boxes, measured, width)
        for axes in row[len(models) :]:
            axes.set_axis_off()
    shown = in_order_of_display(drawn.values())
    colours = style.colours(shown)
    patches: dict[str, Artist] = {
        style.display_name(name): Patch(facecolor=to_rgba(colours[name], 0.45), edgecolor="black", linewidth=0.5)
        for name in shown
    }
    said = HOW_TO_READ_AS_RELEASED if grid.released else HOW_TO_READ
    head(figure, f"{title} · {grid.note}", said + without_smallest_sets(drawn), patches)
    return figure


def _draw_model(axes: Axes, grid: RunGrid, model: str, boxes: Boxes, measured: str, width: float) -> list[str]:
    """Draw a model's panel, ``width`` inches a dataset; returns the orderings in it."""
    shown: dict[str, None] = {}
    unit = "item"
    names = {dataset: fitted(dataset, width) for dataset in grid.datasets}
    size = min(size for _, size in names.values())
    for place, dataset in enumerate(grid.datasets):
        results = grid.results(dataset, model)
        said = "" if results is None else f"n = {len(results.several):,}"
        _say_below(axes, place, (names[dataset][0], size), said)
        if results is None:
            words = "\n".join(textwrap.wrap(printable(grid.why_missing(dataset, model)), 14)[:12])
            axes.text(place, 0.5, words, ha="center", va="center", fontsize=SMALL, color=GREY, parse_math=False)
            continue
        of_run = boxes(results)
        unit = results.unit
        shown |= dict.fromkeys(of_run)
        _draw_group(axes, place, of_run)
    axes.set(xlim=(-0.5, len(grid.datasets) - 0.5), ylim=(0, 1.02), xticks=[])
    axes.yaxis.set_major_formatter(PercentFormatter(1, symbol=" %"))
    axes.set_ylabel(measured.format(unit=unit.capitalize()))
    axes.grid(axis="y", color="#E6E6E6", linewidth=0.4)
    axes.set_axisbelow(True)
    for said, height in (("emptied, %", _EMPTIED), ("never, %", _NEVER)):
        axes.text(
            -0.012, height, said, fontsize=SMALLEST, color=GREY, ha="right", va="center", transform=axes.transAxes
        )
    name_panel(axes, model_name(model))
    return list(shown)


def _say_below(axes: Axes, place: int, named: tuple[str, float], said: str) -> None:
    """A dataset's name, in type of a size, and n below its boxes."""
    name, size = named
    below = axes.get_xaxis_transform()
    axes.text(place, -0.16, name, ha="center", va="top", fontsize=size, transform=below, parse_math=False)
    axes.text(place, -0.245, said, ha="center", va="top", fontsize=SMALL, color=GREY, transform=below)
    if place:
        axes.axvline(place - 0.5, color="#CCCCCC", linewidth=0.4)


def _draw_group(axes: Axes, place: int, boxes: dict[str, FractionBox]) -> None:
    colours = style.colours(boxes)
    step = GROUP / len(boxes)
    for i, (name, box) in enumerate(boxes.items()):
        x = place - GROUP / 2 + (i + 0.5) * step
        if box.documents:
            _draw_box(axes, x, 0.78 * step, box, colours[name])
        for share, height in ((box.emptied_share, _EMPTIED), (box.never_share, _NEVER)):
            axes.text(
                x,
                height,
                whole_percent(share),
                fontsize=SMALLEST,
                ha="center",
                va="center",
                transform=axes.get_xaxis_transform(),
            )


def _draw_box(axes: Axes, x: float, width: float, box: FractionBox, colour: str) -> None:
    statistics = {
        "whislo": box.low,
        "q1": box.lower,
        "med": box.median,
        "q3": box.upper,
        "whishi": box.high,
        "mean": box.mean,
    }
    drawn = axes.bxp(
        [statistics],
        positions=[x],
        widths=width,
        showfliers=False,
        showmeans=True,
        patch_artist=True,
        manage_ticks=False,
        medianprops={"color": "black", "linewidth": 1.1},
        meanprops={
            "marker": "D",
            "markersize": 2.2,
            "markerfacecolor": "white",
            "markeredgecolor": "black",
            "markeredgewidth": 0.5,
        },
        whiskerprops={"linewidth": 0.5},
        capprops={"linewidth": 0.5},
    )
    drawn["boxes"][0].set(facecolor=to_rgba(colour, 0.45), edgecolor="black", linewidth=0.5)


def whole_percent(share: float) -> str:
    """A share in whole per cent, without the sign; what is not zero is not shown as 0, nor what is not all as 100.

    >>> [whole_percent(share) for share in (0, 0.004, 0.126, 0.998, 1)]
    ['0', '<1', '13', '>99', '100']
    """
    if 0 < share < 0.005:
        return "<1"
    if 0.995 <= share < 1:
        return ">99"
    return f"{100 * share:.0f}"
