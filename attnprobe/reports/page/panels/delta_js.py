"""ΔJS against Δα: a histogram of pairs in cells, on a logarithmic axis of ΔJS with a part about zero."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from attnprobe.analysis.bootstrap import Numbers
from attnprobe.analysis.delta_js import delta_js_pairs, weighted_quantiles
from attnprobe.analysis.results import RunResults
from attnprobe.reports.drawn import cells_of
from attnprobe.reports.numbers import significant
from attnprobe.reports.page.marks import Marks

COLUMNS = 24

SHADES = 8

MOST_DECADES = 5
"""Above the part about zero: what is smaller belongs to it."""

RESOLUTION = 1e-12
"""Nats; what is nearer to zero is rounding."""


class Cell(NamedTuple):
    """A rectangle in percent; shade from 1 to ``SHADES``; its mark, and what it says."""

    x: float
    y: float
    width: float
    height: float
    shade: int
    mark: int
    says: str


class DeltaJsPanel(NamedTuple):
    """Cells, the ends of the axis of Δα, and (place from the top in percent, label) on that of ΔJS.

    ``scale`` has (shade, how many pairs it stands for): a document's pairs count as one together.
    """

    cells: list[Cell]
    reach: float
    ticks: list[tuple[float, str]]
    zero: float
    scale: list[tuple[int, str]]


def delta_js_panel(results: RunResults, marks: Marks) -> DeltaJsPanel | None:
    """The panel; None where no pair is known.

    A cell's documents are those with a pair in it: i* and another item r. The darker, the more pairs, each weighing
    1/(n − 1), on a logarithmic scale.
    """
    pairs = delta_js_pairs(results)
    if pairs.empty:
        return None
    alpha, js, weight = (pairs[name].to_numpy(dtype=np.float64) for name in ("delta_alpha", "delta_js", "weight"))
    edges = _edges(js, weight)
    reach = float(alpha.max()) or 1.0
    column, line = cells_of(pairs, np.linspace(0, reach, COLUMNS + 1), edges)
    rows = np.searchsorted(results.several["document"].to_numpy(), pairs["document"].to_numpy())
    cells = []
    height, width = 100 / (len(edges) - 1), 100 / COLUMNS
    which = line * COLUMNS + column
    order = np.argsort(which, kind="stable")
    starts = np.flatnonzero(np.diff(which[order], prepend=-1))
    sums = np.add.reduceat(weight[order], starts)
    for start, end, total in zip(starts, [*starts[1:], len(order)], sums, strict=True):
        across, up = int(which[order[start]] % COLUMNS), int(which[order[start]] // COLUMNS)
        chosen = np.zeros(len(results.several), dtype=bool)
        chosen[rows[order[start:end]]] = True
        low, high = (significant(reach * place / COLUMNS) for place in (across, across + 1))
        title = f"Δα {low} to {high}, ΔJS {_number(edges[up])} to {_number(edges[up + 1])} nats"
        shade = 1 + round((SHADES - 1) * math.log1p(total) / math.log1p(float(sums.max())))
        mark = marks.add(title, chosen, covered=False)
        says = f"{title}: {int(chosen.sum()):,} documents"
        cells.append(Cell(width * across, 100 - height * (up + 1), width, height, shade, mark, says))
    ticks = [
        (100 - height * place, _number(edge))
        for place, edge in enumerate(edges)
        if abs(edge) > np.abs(edges).min() and round(math.log10(abs(edge)) * 2) % 2 == 0
    ]
    most = math.log1p(float(sums.max()))
    scale = [(shade, significant(math.expm1((shade - 1) / (SHADES - 1) * most))) for shade in (2, 4, 6, SHADES)]
    zero = 100 - height * float(np.interp(0.0, edges, np.arange(len(edges))))
    return DeltaJsPanel(cells, reach, ticks, zero, scale)


def _edges(js: Numbers, weight: Numbers) -> Numbers:
    """Half decades on both sides of a band about zero."""
    small = weighted_quantiles(np.abs(js), weight, (0.1,))[0]
    largest = max(float(np.abs(js).max()), RESOLUTION)
    top = math.ceil(2 * math.log10(largest)) / 2
    bottom = max(math.floor(math.log10(max(small, RESOLUTION))), math.ceil(top) - MOST_DECADES)
    above = 10.0 ** np.arange(bottom, top + 0.25, 0.5)
    most_negative = float(-js.min())
    below = above[above < most_negative * math.sqrt(10)] if most_negative > above[0] else above[:1]
    edges = np.concatenate([-below[::-1], above])
    # A power of ten may fall short, by rounding, of the number that it was made to hold.
    edges[0], edges[-1] = min(edges[0], float(js.min())), max(edges[-1], float(js.max()))
    return edges


def _number(edge: float) -> str:
    power = round(math.log10(abs(edge)) * 2) / 2
    sign = "−" if edge < 0 else ""
    return f"{sign}10{_superscript(int(power))}" if power == int(power) else f"{sign}{significant(abs(edge))}"


def _superscript(power: int) -> str:
    return str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
