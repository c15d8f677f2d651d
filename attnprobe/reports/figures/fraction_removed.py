"""Fraction of items erased at the first flip, by ordering (Serrano & Smith 2019, figures 5 and 6)."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.ticker import PercentFormatter

from attnprobe.analysis.first_flips import FractionBox, fraction_boxes
from attnprobe.analysis.results import RunResults
from attnprobe.reports import style
from attnprobe.reports.figures.frame import Drawn, new_panel, said_of_smallest_sets, say_instead
from attnprobe.reports.numbers import percent
from attnprobe.reports.type_widths import in_figure


def draw(results: RunResults, ax: Axes | None = None) -> Drawn:
    """A box an ordering, the references with them: quartiles, 5–95 % whiskers, the mean as a diamond.

    Only documents that flip while something is left are in a box; under each name stand how many these are, and what
    shares change only when nothing is left (emptied) and never.
    """
    boxes = fraction_boxes(results)
    said = said_of_smallest_sets(results)
    figure, axes = new_panel(results, height=0.9 + 0.5 * len(boxes) + 0.13 * said.count("\n"), ax=ax)
    if not any(box.documents for box in boxes.values()):
        say_instead(axes, "No decision flips under any ordering while something is left.")
        return figure
    colours = style.colours(boxes)
    for position, (name, box) in enumerate(boxes.items()):
        if box.documents:
            _draw_box(axes, position, box, colours[name])
    axes.set_yticks(
        range(len(boxes)),
        [_caption(results.title(name), box, brief=ax is not None) for name, box in boxes.items()],
        linespacing=1.2,
    )
    axes.tick_params(axis="y", length=0)
    axes.set(xlim=(0, 1.01), ylim=(len(boxes) - 0.5, -0.5))
    axes.xaxis.set_major_formatter(PercentFormatter(1, symbol=" %"))
    how_to_read = f"line: median, ◇: mean, whiskers: 5–95 %{said}"
    axes.set_xlabel(f"{results.unit.capitalize()}s erased at the first flip\n{how_to_read}")
    axes.grid(axis="x", color="#E6E6E6", linewidth=0.4)
    axes.set_axisbelow(True)
    return figure


def _draw_box(axes: Axes, position: int, box: FractionBox, colour: str) -> None:
    drawn = axes.bxp(
        [_statistics(box)],
        positions=[position],
        widths=0.55,
        orientation="horizontal",
        showfliers=False,
        showmeans=True,
        patch_artist=True,
        medianprops={"color": "black", "linewidth": 1.3},
        meanprops={"marker": "D", "markersize": 3.2, "markerfacecolor": "white", "markeredgecolor": "black"},
        whiskerprops={"linewidth": 0.7},
        capprops={"linewidth": 0.7},
    )
    drawn["boxes"][0].set(facecolor=to_rgba(colour, 0.45), edgecolor="black", linewidth=0.7)


def _statistics(box: FractionBox) -> dict[str, float]:
    return {
        "whislo": box.low,
        "q1": box.lower,
        "med": box.median,
        "q3": box.upper,
        "whishi": box.high,
        "mean": box.mean,
    }


def _caption(title: str, box: FractionBox, *, brief: bool) -> str:
    """Four lines, for which the panel of a figure of its own has the height; ``brief`` are two."""
    if brief:
        return (
            f"{in_figure(title)}, n = {box.documents:,}\n"
            f"(emptied {percent(box.emptied_share)}, never {percent(box.never_share)})"
        )
    shown = in_figure(title).replace(" (gradient", "\n(gradient")  # on one line it would narrow the panel
    outcomes = f"emptied {percent(box.emptied_share)}\nnever {percent(box.never_share)}"
    return f"{shown}\nn = {box.documents:,}\n{outcomes}"
