"""Layers × heads: a panel a quantity, a cell a head, a stack of attention below another on the same scales."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import Normalize
from matplotlib.ticker import FuncFormatter, MaxNLocator

from attnprobe.analysis.bootstrap import Numbers
from attnprobe.analysis.results import RunResults
from attnprobe.analysis.thresholds import SIGNIFICANT
from attnprobe.reports import style
from attnprobe.reports.drawn import require_drawn
from attnprobe.reports.figures.frame import Drawn, new_panel, new_sheet, say_instead, title
from attnprobe.reports.type_widths import printable

LARGEST = 0.2
"""Side of a cell, in inches; smaller where there are many."""

TALLEST = 7.0
"""Of all cells of a column, in inches, so that they go on a page."""

LEFT, RIGHT = 0.4, 0.12
"""Beside a panel, in inches."""

TOP, HEADING, AXIS, BAR = 0.4, 0.16, 0.36, 0.52
"""Heights in inches: above all panels, above each of several stacks, below each, and of colour bars and note."""

LINE = 0.13
"""Of the title, in inches."""

NUMBER = 0.15
"""Along an axis that a number takes, in inches."""

MISSING = "#E4E4E4"
"""Of heads without a value."""

DARK = 0.45
"""Luminance below which a dot is white."""


class OfHead(Protocol):
    """Statistics of one head, over so many documents."""

    @property
    def stack(self) -> str:
        """In which stack of attention it is."""
        ...

    @property
    def layer(self) -> int:
        """The number of its layer."""
        ...

    @property
    def head(self) -> int:
        """Its own number."""
        ...

    @property
    def documents(self) -> int:
        """Of how many documents."""
        ...


def from_zero(values: Numbers) -> tuple[float, float]:
    """From zero, or the lowest value below it."""
    defined = values[~np.isnan(values)]
    low, high = float(defined.min(initial=0)), float(defined.max(initial=0))
    return low, high if high > low else low + 1


class Quantity(NamedTuple):
    """What a column of panels shows.

    Attributes:
        title: above the column.
        unit: at the colour bar.
        factor: by which values are multiplied to be in that unit.
        value: of a head.
        p: of the test that it is zero, adjusted; None where nothing is tested.
        colours: the colour map; the darker, the more the head, its order or its item does.
        scale: lowest and highest colour, of all values.
    """

    title: str
    unit: str
    factor: float
    value: Callable[[Any], float]
    p: Callable[[Any], float] | None = None
    colours: str = "Purples"
    scale: Callable[[Numbers], tuple[float, float]] = from_zero


Stacks = dict[str, list[OfHead]]


def draw_heads(
    results: RunResults,
    heads: Sequence[OfHead] | None,
    quantities: Callable[[], Sequence[Quantity]],
    ax: Axes | None = None,
) -> Drawn | None:
    """Three panels a stack, across both columns of a page; None where there are no heads to be told of.

    A dot is in the cells whose difference from zero is not significant after Holm's correction over all heads.

    Args:
        results: of the run.
        heads: its statistics, all of the same documents.
        quantities: gives what the three panels show; asked where there is a head.
        ax: in whose place they are drawn.
    """
    if heads is None:
        return None
    if not heads:
        figure, axes = new_panel(results, height=1.2, ax=ax)
        say_instead(axes, f"No document in which single heads were erased has more than one {results.unit}.")
        return figure
    for head in heads:
        require_drawn(f"documents of head {head.layer}.{head.head}", head.documents, heads[0].documents)
    stacks = {name: [head for head in heads if head.stack == name] for name in dict.fromkeys(h.stack for h in heads)}
    with mpl.rc_context(style.SETTINGS):
        return _draw_stacks(stacks, quantities(), title(results, heads[0].documents, style.PAGE), ax)


def _draw_stacks(stacks: Stacks, quantities: Sequence[Quantity], words: str, ax: Axes | None) -> Drawn:
    side, named = _side(stacks), HEADING if len(stacks) > 1 else 0
    heights = {name: side * len(_numbers(heads, "layer")) for name, heads in stacks.items()}
    above = TOP + LINE * words.count("\n")
    height = above + sum(named + each + AXIS for each in heights.values()) + BAR
    everything = [head for heads in stacks.values() for head in heads]
    figure = new_sheet((style.PAGE, height), ax, layout=None)
    add = partial(_axes, figure, height)
    size, small = (style.SETTINGS[name] for name in ("axes.titlesize", "legend.fontsize"))
    figure.text(0.5, 1 - 0.04 / height, words, ha="center", va="top", fontsize=size, parse_math=False)
    for column, quantity in enumerate(quantities):
        scale = Normalize(*quantity.scale(_values(everything, quantity)))
        left, top = column * style.PAGE / 3 + LEFT, height - above
        figure.text(left / style.PAGE, (top + 0.04) / height, quantity.title, fontsize=size)
        for name, heads in stacks.items():
            top -= named + heights[name]
            axes = add(left, top, side * len(_numbers(heads, "head")), heights[name])
            mesh = _draw_cells(axes, heads, quantity, scale, side)
            if named:
                axes.set_title(f"{printable(name)} attention", loc="left", pad=2, fontsize=small, parse_math=False)
            top -= AXIS
        _draw_bar(figure, mesh, add(left, BAR - 0.1, style.PAGE / 3 - LEFT - 2 * RIGHT, 0.07), quantity)
    tested = f"{len(everything):,} head{'s' if len(everything) > 1 else ''}"
    note = f"dot: not significantly different from zero (Holm's correction over {tested})"
    figure.text(0.5, 0.03 / height, note, ha="center", va="bottom", fontsize=small)
    return figure


def _axes(figure: Drawn, tall: float, left: float, bottom: float, width: float, height: float) -> Axes:
    """Axes at a place in inches, on a page that is so tall."""
    return figure.add_axes((left / style.PAGE, bottom / tall, width / style.PAGE, height / tall))


def _side(stacks: Stacks) -> float:
    """Of a cell, in inches: as the stack with the most heads, and all layers together, allow."""
    widest = max(len(_numbers(heads, "head")) for heads in stacks.values())
    layers = sum(len(_numbers(heads, "layer")) for heads in stacks.values())
    return min(LARGEST, (style.PAGE / 3 - LEFT - RIGHT) / widest, TALLEST / layers)


def _numbers(heads: Sequence[OfHead], axis: str) -> list[int]:
    """The layers, or the heads, that there are."""
    return sorted({getattr(head, axis) for head in heads})


def _values(heads: Sequence[OfHead], quantity: Quantity) -> Numbers:
    return quantity.factor * np.array([quantity.value(head) for head in heads], dtype=np.float64)


def _draw_cells(axes: Axes, heads: Sequence[OfHead], quantity: Quantity, scale: Normalize, side: float) -> QuadMesh:
    layers, numbers = _numbers(heads, "layer"), _numbers(heads, "head")
    rows = [layers.index(head.layer) for head in heads]
    columns = [numbers.index(head.head) for head in heads]
    cells = np.full((len(layers), len(numbers)), math.nan)
    values = _values(heads, quantity)
    cells[rows, columns] = values
    axes.set_facecolor(MISSING)
    mesh = axes.pcolormesh(
        np.ma.masked_invalid(cells),
        cmap=quantity.colours,
        norm=scale,
        edgecolors="white",
        linewidth=min(0.5, 3 * side),
    )
    if quantity.p is not None:
        _draw_dots(axes, mesh, values, [quantity.p(head) for head in heads], (rows, columns), side)
    axes.invert_yaxis()
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, pad=2)
    step = math.ceil(NUMBER / side)
    axes.set_xticks(np.arange(len(numbers))[::step] + 0.5, [str(number) for number in numbers[::step]])
    axes.set_yticks(np.arange(len(layers))[::step] + 0.5, [str(layer) for layer in layers[::step]])
    axes.set_xlabel("head", labelpad=1)
    axes.set_ylabel("layer", labelpad=2)
    return mesh


def _draw_dots(
    axes: Axes,
    mesh: QuadMesh,
    values: Numbers,
    p_values: Sequence[float],
    places: tuple[list[int], list[int]],
    side: float,
) -> None:
    """A dot in each cell without significance, black or white, whichever is seen better."""
    rows, columns = (np.array(each) for each in places)
    dotted = ~(np.array(p_values) < SIGNIFICANT) & ~np.isnan(values)
    rows, columns = rows[dotted], columns[dotted]
    rgba = mesh.to_rgba(values[dotted])
    dark = rgba[:, :3] @ (0.2126, 0.7152, 0.0722) < DARK
    colours = np.where(dark, "white", "black")
    axes.scatter(columns + 0.5, rows + 0.5, s=(0.2 * side * 72) ** 2, c=colours, linewidths=0)


def _draw_bar(figure: Drawn, mesh: QuadMesh, axes: Axes, quantity: Quantity) -> None:
    bar = figure.colorbar(mesh, cax=axes, orientation="horizontal", ticks=MaxNLocator(4))
    bar.ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.4g}".replace("-", "−")))
    bar.outline.set_linewidth(0.4)
    bar.ax.tick_params(length=2, pad=1.5)
    bar.set_label(quantity.unit, labelpad=1)


def of_divergences(values: Sequence[float]) -> tuple[str, float]:
    """A unit for divergences in nats, and by what they are multiplied for it: small ones are told in thousandths."""
    sizes = np.abs(values)
    small = float(sizes[~np.isnan(sizes)].max(initial=0)) < 0.01
    return ("10⁻³ nats", 1000.0) if small else ("nats", 1.0)
