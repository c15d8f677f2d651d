"""Figures: accuracy by width of keys, what else could explain it, ranks by length, ranks of alternatives' logits."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullLocator, PercentFormatter

from attnprobe.models.transformer_options import CONCATENATE, SCALE
from attnprobe.reports.identifiable2021.variants import (
    COLOURS,
    MATCHED,
    MATCHED_COLOUR,
    NAMES,
    combinations_in_order,
    datasets_in_order,
    plain,
)
from attnprobe.reports.paper.sheet import GREY, PAGE, head, name_panel, new_sheet, write

DASHED, DOTTED = (4.0, 1.5), (1.0, 1.0)


def _line(colour: str, dashes: tuple[float, ...] = (1, 0)) -> Line2D:
    return Line2D([], [], color=colour, dashes=dashes)


def _curve(axes: Axes, rows: pd.DataFrame, column: str, colour: str, dashes: tuple[float, ...] = (1, 0)) -> None:
    """Means by width of keys, with their intervals."""
    rows = rows.sort_values("d_k")
    axes.plot(rows["d_k"], rows[column], color=colour, dashes=dashes, marker="o", markersize=2)
    axes.vlines(rows["d_k"], rows[f"{column}_low"], rows[f"{column}_high"], color=colour, linewidth=0.6)


def _widths(axes: Axes, rows: pd.DataFrame) -> None:
    """An axis of widths of keys, which double."""
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_locator(FixedLocator(sorted(rows["d_k"].unique())))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_major_formatter(PercentFormatter(1, symbol=" %"))
    axes.set_xlabel("Width of keys d_k", parse_math=False)


def draw_accuracy(means: pd.DataFrame, folder: Path) -> list[Path]:
    """Accuracy by width of keys and combination of heads, a panel a task."""
    rows = plain(means)
    datasets = datasets_in_order(rows["dataset"])
    figure = new_sheet(PAGE, 2.3)
    panels = figure.subplots(1, len(datasets), squeeze=False)[0]
    for axes, dataset in zip(panels, datasets, strict=True):
        name_panel(axes, dataset)
        of_dataset = rows[rows["dataset"] == dataset]
        for combine in combinations_in_order(of_dataset["combine"]):
            _curve(axes, of_dataset[of_dataset["combine"] == combine], "accuracy", COLOURS[combine])
        _widths(axes, of_dataset)
    panels[0].set_ylabel("Test accuracy")
    legend: dict[str, Artist] = {NAMES[name]: _line(COLOURS[name]) for name in combinations_in_order(rows["combine"])}
    head(figure, "Test accuracy by width of keys", "means over seeds, Student's 95 % intervals", legend)
    return write(figure, folder, "figure_accuracy")


def draw_confounds(means: pd.DataFrame, folder: Path) -> list[Path]:
    """The released scale and the number of parameters, on the tasks that have them; no file where none has."""
    confounded = means[(means["as_released"] == SCALE) | means["matched"]]
    datasets = datasets_in_order(confounded["dataset"])
    if not datasets:
        return []
    figure = new_sheet(PAGE, 0.5 + 2.1 * len(datasets))
    panels = figure.subplots(len(datasets), 3, squeeze=False)
    for (accuracy, spread, matched), dataset in zip(panels, datasets, strict=True):
        rows = means[means["dataset"] == dataset]
        for combine in combinations_in_order(rows["combine"]):
            of_heads = rows[(rows["combine"] == combine) & ~rows["matched"]]
            for released, dashes in (("", (1, 0)), (SCALE, DASHED)):
                variant = of_heads[of_heads["as_released"] == released]
                _curve(accuracy, variant, "accuracy", COLOURS[combine], dashes)
                _curve(spread, variant, "score_deviation", COLOURS[combine], dashes)
            _curve(matched, of_heads[of_heads["as_released"] == ""], "accuracy", COLOURS[combine])
        _curve(matched, rows[rows["matched"]], "accuracy", MATCHED_COLOUR)
        for axes, name in ((accuracy, "scale"), (spread, "spread of scores"), (matched, "parameters")):
            name_panel(axes, f"{dataset}: {name}")
            _widths(axes, rows)
        spread.set_yscale("log")
        spread.yaxis.set_major_formatter("{x:g}")
        accuracy.set_ylabel("Test accuracy")
        spread.set_ylabel("Standard deviation")
        matched.set_ylabel("Test accuracy")
    legend: dict[str, Artist] = {NAMES[name]: _line(COLOURS[name]) for name in combinations_in_order(means["combine"])}
    legend |= {"released scale": _line(GREY, DASHED), MATCHED: _line(MATCHED_COLOUR)}
    said = "released scale: 1/√d_v in the place of 1/√d_k; matched: as many parameters as with heads added"
    head(figure, "What else could explain it", said, legend)
    return write(figure, folder, "figure_confounds")


def draw_ranks(ranks: pd.DataFrame, folder: Path) -> list[Path]:
    """Rank of the first head's values as in the paper; nullities of a head and of the layer; a column a task."""
    datasets = datasets_in_order(ranks["dataset"])
    figure = new_sheet(PAGE, 4.2)
    panels = figure.subplots(2, len(datasets), squeeze=False)
    for (above, below), dataset in zip(panels.T, datasets, strict=True):
        name_panel(above, dataset)
        rows = ranks[ranks["dataset"] == dataset]
        for combine in combinations_in_order(rows["combine"]):
            means = rows[rows["combine"] == combine].groupby("items").mean(numeric_only=True)
            colour = COLOURS[combine]
            above.plot(means.index, means["published_rank_first_head"], color=colour)
            above.plot(means.index, means["practical_rank"], color=colour, dashes=DOTTED)
            below.plot(means.index, means["nullity_of_distinct"], color=colour)
            below.plot(means.index, means["joint_nullity_of_distinct"], color=colour, dashes=DASHED)
        longest = rows["items"].max()
        above.plot([0, longest], [0, longest], color=GREY, linewidth=0.5)
        below.set_xlabel("Items")
        below.set_yscale("symlog", linthresh=10)
        below.set_ylim(0, max(1.0, below.get_ylim()[1]))
    panels[0, 0].set_ylabel("Rank of values")
    panels[1, 0].set_ylabel("Nullity")
    legend: dict[str, Artist] = {NAMES[name]: _line(COLOURS[name]) for name in combinations_in_order(ranks["combine"])}
    legend |= {"[T, 1] at 1 %": _line(GREY, DOTTED), "nullity of the layer": _line(GREY, DASHED)}
    said = "above: first head, as published, and of [T, 1] without what is below 1 %; grey: rank = items"
    head(figure, "Rank and nullity of values by length", said, legend)
    return write(figure, folder, "figure_rank_by_length")


def draw_logit_ranks(rows: pd.DataFrame, folder: Path) -> list[Path]:
    """Ranks of logits of random weights with the same output, against what the keys can give; a panel a task."""
    datasets = datasets_in_order(rows["dataset"])
    figure = new_sheet(PAGE, 2.3)
    panels = figure.subplots(1, len(datasets), squeeze=False)[0]
    for axes, dataset in zip(panels, datasets, strict=True):
        name_panel(axes, dataset)
        means = rows[rows["dataset"] == dataset].groupby("items").mean(numeric_only=True)
        axes.plot(means.index, means["random_rank"], color=COLOURS[CONCATENATE], marker="o", markersize=2)
        axes.plot(means.index, means["own_rank"], color="#222222", marker="o", markersize=2)
        axes.plot(means.index, means["d_k"], color=GREY, dashes=DOTTED)
        axes.plot(means.index, means.index - 1, color=GREY, linewidth=0.5)
        axes.set_xlabel("Items")
    panels[0].set_ylabel("Rank of logits")
    legend: dict[str, Artist] = {
        "random alternatives": _line(COLOURS[CONCATENATE]),
        "the model's own": _line("#222222"),
        "d_k": _line(GREY, DOTTED),
        "items − 1": Line2D([], [], color=GREY, linewidth=0.5),
    }
    said = "random elements of a set miss its subsets of lower dimension: that no rank is d_k is no proof"
    head(figure, "Ranks of logits of weights with the same head output", said, legend)
    return write(figure, folder, "figure_logit_ranks")
