"""Figure 1: a real document with its attention, in which the largest weight does not decide."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from attnprobe.analysis.one_document import Decision, OneDocument
from attnprobe.analysis.results import ATTENTION, NO_SMALLEST_SET, RunResults
from attnprobe.analysis.telling_documents import TellingDocument, knows_items_of_smallest_sets, telling_document
from attnprobe.papers.serrano2019.figures.grid import RunGrid
from attnprobe.papers.serrano2019.figures.panel_order import model_name
from attnprobe.papers.serrano2019.figures.shaded_text import LINE, Layout, Shade, draw_pieces, lay_out
from attnprobe.papers.serrano2019.figures.sheet import COLUMN, GREY, new_sheet, say_missing, write
from attnprobe.reports import style
from attnprobe.reports.type_widths import POINTS, printable

NAME = "figure1_document"

SIZE = 6.5
"""Of the type, in points."""

MARGIN = 0.42
"""Left of sentences, for their weights, in inches."""

EDGE = 0.05

FRAME = "#D55E00"
"""Of the smallest set: vermilion, which the colour-blind tell from the blue of attention; and it is a frame."""

DARKEST = 0.55
"""Opacity of the shade of the largest weight."""


class Chosen(NamedTuple):
    """The document that is drawn, and whose it is."""

    results: RunResults
    telling: TellingDocument


def draw(grid: RunGrid, folder: Path) -> list[Path]:
    """Draw the document that ``choose`` names: shades by weight, a frame about the smallest set, three decisions."""
    chosen = choose(grid)
    if chosen is None:
        figure = new_sheet(COLUMN, 1.0)
        say_missing(figure.add_subplot(), _why_none(grid), 50)
    else:
        figure = _draw(chosen)
    return write(figure, folder, NAME)


def choose(grid: RunGrid) -> Chosen | None:
    """The most telling document of the first model, in order of models, that has one on any dataset.

    Of those of several datasets, the one with the fewest items in its smallest set; of those, the one with the largest
    weight; of those, that of the first dataset.
    """
    for model in grid.models:
        found = list(_of_model(grid, model))
        if found:
            return min(found, key=lambda one: (one.telling.size, -one.telling.document.weights.max()))
    return None


def _why_none(grid: RunGrid) -> str:
    found = [grid.results(dataset, model) for dataset in grid.datasets for model in grid.models]
    runs = [results for results in found if results is not None and results.knows_smallest_sets]
    if not runs:
        return f"There is nothing to frame: {NO_SMALLEST_SET}"
    if not any(map(knows_items_of_smallest_sets, runs)):
        return "There is nothing to frame: these runs say how large the smallest sets are, but not what is in them"
    return "In no run does a short document keep its decision without i*"


def _of_model(grid: RunGrid, model: str) -> Iterator[Chosen]:
    for dataset in grid.datasets:
        results = grid.results(dataset, model)
        telling = None if results is None else telling_document(results)
        if results is not None and telling is not None:
            yield Chosen(results, telling)


def _draw(chosen: Chosen) -> Figure:
    results, document = chosen.results, chosen.telling.document
    sentences = results.unit == "sentence"
    left = EDGE + (MARGIN if sentences else 0)
    texts = [untokenised(text) for text in document.texts] if sentences else document.texts
    body = lay_out(texts, COLUMN - left - EDGE, SIZE, own_lines=sentences)
    lines = [lay_out([line], COLUMN - 2 * EDGE, SIZE, own_lines=False) for line in _outcome(chosen)]
    head = lay_out([_heading(chosen)], COLUMN - 2 * EDGE, SIZE, own_lines=False)
    height = sum(layout.height for layout in (head, body, *lines)) + 0.25
    figure = new_sheet(COLUMN, height)
    axes = _inches(figure, height)
    draw_pieces(axes, head, EDGE, 0.03, SIZE)
    y = 0.08 + head.height
    draw_pieces(axes, body, left, y, SIZE, _shades(document))
    if sentences:
        _write_weights(axes, body, y, chosen)
    y += body.height + 0.1
    for line in lines:
        draw_pieces(axes, line, EDGE, y, SIZE)
        y += line.height
    return figure


def _inches(figure: Figure, height: float) -> Axes:
    """Axes that fill the sheet and are measured in inches, y downwards."""
    figure.set_layout_engine("none")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set(xlim=(0, COLUMN), ylim=(height, 0))
    return axes


def _shades(document: OneDocument) -> list[Shade]:
    most = document.weights.max()
    return [
        Shade(to_rgba(style.COLOURS[ATTENTION], DARKEST * float(weight / most)), FRAME if framed else "none")
        for weight, framed in zip(document.weights, document.smallest, strict=True)
    ]


def _write_weights(axes: Axes, body: Layout, top: float, chosen: Chosen) -> None:
    document = chosen.telling.document
    first = {piece.item: piece.line for piece in reversed(body.pieces)}
    for item, line in first.items():
        y = top + body.tops[line] + LINE * SIZE / POINTS / 2
        mark = "i* " if item == document.top_item else ""
        axes.text(
            EDGE + MARGIN - 0.06,
            y,
            f"{mark}{_weight(float(document.weights[item]))}",
            fontsize=SIZE - 0.5,
            ha="right",
            va="center_baseline",
            color="black" if mark else GREY,
        )


def _weight(weight: float) -> str:
    return f"{weight:.2f}" if weight >= 0.005 else "< 0.01"


def _heading(chosen: Chosen) -> str:
    results = chosen.results
    return (
        f"{model_name(results.model)} on {results.dataset} (seed {results.seed}, test document "
        f"{chosen.telling.number}). Shade{' and number' * (results.unit == 'sentence')}: attention weight."
    )


def _outcome(chosen: Chosen) -> list[str]:
    results, document = chosen.results, chosen.telling.document
    unit, count = results.unit, chosen.telling.size

    def said(decision: Decision) -> str:
        return f"{printable(results.labels[decision.label])} (p={decision.probability:.2f})"

    without = ["i*, the most attended", f"the framed {unit}" if count == 1 else f"the {count} framed {unit}s"]
    if unit != "sentence":  # whose weights are not beside them
        weights = document.weights.max(), document.weights[document.smallest].sum()
        without = [f"{what} (weight {_weight(float(weight))})" for what, weight in zip(without, weights, strict=True)]
    return [
        f"Decision: {said(document.unerased)}, as labelled",
        f"Without {without[0]}: {said(document.without_top)}, kept",
        f"Without {without[1]}: {said(document.without_smallest)}, flipped",
    ]


def untokenised(text: str) -> str:
    """The text without the spaces that the tokeniser put before and after punctuation.

    >>> untokenised("Yes , it does n't ( at all ) .")
    "Yes, it doesn't (at all)."
    """
    return re.sub(r" (?=[,.;:!?)\]%]|n't\b|'(?:s|m|re|ve|ll|d)\b)|(?<=[(\[]) ", "", text)
