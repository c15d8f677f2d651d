"""Figures: accuracy by width of keys, what else could explain it, ranks by length, ranks of alternatives' logits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

from attnprobe.papers.bhardwaj2021.variants import (
    COLOURS,
    MARKERS,
    MATCHED,
    NAMES,
    SHIFTS,
    combinations_in_order,
    datasets_in_order,
    plain,
)
from attnprobe.papers.serrano2019.figures.sheet import GREY, PAGE, head, name_panel, new_sheet, say_missing, write
from attnprobe.settings.transformer import CONCATENATE, SCALE

DASHED, DOTTED = (4.0, 1.5), (1.0, 1.0)

LIGHT = "#C4C4C4"
"""Of lines that others lie upon."""


def _line(colour: str, dashes: tuple[float, ...] = (1, 0), marker: str = "") -> Line2D:
    return Line2D([], [], color=colour, dashes=dashes, marker=marker, markersize=3)


def _combinations(rows: pd.DataFrame) -> dict[str, Artist]:
    """Entries of a legend for the combinations of heads that there are."""
    found = combinations_in_order(rows["combine"])
    return {NAMES[name]: _line(COLOURS[name], marker=MARKERS[name]) for name in found}


def _curve(
    axes: Axes, rows: pd.DataFrame, column: str, combine: str, dashes: tuple[float, ...] = (1, 0), *, log: bool = False
) -> None:
    """Means by width of keys, with their intervals; of logarithms where ``log``, drawn as what they are of."""
    rows = rows.sort_values("d_k")
    drawn = rows[[column, f"{column}_low", f"{column}_high"]].to_numpy(dtype=np.float64).T
    value, low, high = np.exp(drawn) if log else drawn
    # Beside one another, so that no interval hides another.
    places = rows["d_k"] * SHIFTS[combine]
    axes.plot(places, value, color=COLOURS[combine], dashes=dashes, marker=MARKERS[combine], markersize=2.5)
    axes.vlines(places, low, high, color=COLOURS[combine], linewidth=0.6)


def _widths(axes: Axes, rows: pd.DataFrame) -> None:
    """An axis of widths of keys, which double."""
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_locator(FixedLocator(sorted(rows["d_k"].unique())))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_xlabel("Width of keys $d_k$")


def _percent(axes: Axes) -> None:
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_formatter(lambda value, _place: f"{100 * value:g} %")


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
            _curve(axes, of_dataset[of_dataset["combine"] == combine], "accuracy", combine)
        _widths(axes, of_dataset)
        _percent(axes)
    panels[0].set_ylabel("Test accuracy")
    head(figure, "Test accuracy by width of keys", "means over seeds, Student's 95 % intervals", _combinations(rows))
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
                _curve(accuracy, variant, "accuracy", combine, dashes)
                _curve(spread, variant, "log_score_deviation", combine, dashes, log=True)
            _curve(matched, of_heads[of_heads["as_released"] == ""], "accuracy", combine)
        _curve(matched, rows[rows["matched"]], "accuracy", MATCHED)
        for axes, name in ((accuracy, "scale"), (spread, "spread of scores"), (matched, "parameters")):
            name_panel(axes, f"{dataset}: {name}")
            _widths(axes, rows)
        spread.set_yscale("log")
        spread.yaxis.set_major_formatter("{x:g}")
        for axes in (accuracy, matched):
            _percent(axes)
            axes.set_ylabel("Test accuracy")
        spread.set_ylabel("Standard deviation in a row")
    legend = _combinations(means)
    legend |= {"released scale": _line(GREY, DASHED), MATCHED: _line(COLOURS[MATCHED], marker=MARKERS[MATCHED])}
    said = (
        "released scale: 1/√d_v in the place of 1/√d_k; matched: as many parameters as with heads added; means over "
        "seeds (of scores' spread: geometric), Student's 95 % intervals"
    )
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
        longest, unique = rows["items"].max(), rows["joint_nullity_of_distinct"].max() == 0
        above.plot([0, longest], [0, longest], color=LIGHT, linewidth=2.5, solid_capstyle="butt")
        for place, combine in enumerate(combinations_in_order(rows["combine"])):
            means = rows[rows["combine"] == combine].groupby("items").mean(numeric_only=True)
            colour = COLOURS[combine]
            above.plot(means.index, means["published_rank_first_head"], color=colour)
            above.plot(means.index, means["practical_rank"] - 1, color=colour, dashes=DOTTED)
            if not unique:
                below.plot(means.index, means["nullity_of_distinct"], color=colour)
                # Layers' nullities are equal: the dashes of one lie in the gaps of the other.
                below.plot(means.index, means["joint_nullity_of_distinct"], color=colour, linestyle=(4 * place, (4, 4)))
        for axes in (above, below):
            axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
        if unique:
            say_missing(below, f"0 up to {longest} items, the longest measured")
            continue
        below.set_xlabel("Items")
        below.set_yscale("symlog", linthresh=10)
        below.set_ylim(0)
        below.yaxis.set_major_locator(FixedLocator([0, 10, 100, 1000]))
        below.yaxis.set_major_formatter("{x:g}")
    for axes in panels[0]:
        axes.set_xlabel("Items")
    panels[0, 0].set_ylabel("Rank of values")
    panels[1, 0].set_ylabel("Nullity")
    legend: dict[str, Artist] = {NAMES[name]: _line(COLOURS[name]) for name in combinations_in_order(ranks["combine"])}
    legend |= {
        "without what is below 1 %": _line(GREY, DOTTED),
        "nullity of the layer": _line(GREY, DASHED),
        "rank = items": Line2D([], [], color=LIGHT, linewidth=2.5),
    }
    said = "above: the first head's, as published, and, centred, of all heads without what is below 1 % of the largest"
    head(figure, "Rank and nullity of values by length", said, legend)
    return write(figure, folder, "figure_rank_by_length")


def draw_logit_ranks(rows: pd.DataFrame, folder: Path) -> list[Path]:
    """Ranks of logits of random weights with the same output, against what the keys can give; a panel a task."""
    datasets = datasets_in_order(rows["dataset"])
    figure = new_sheet(PAGE, 2.3)
    panels = figure.subplots(1, len(datasets), squeeze=False)[0]
    random, own = COLOURS[CONCATENATE], COLOURS[MATCHED]
    for axes, dataset in zip(panels, datasets, strict=True):
        name_panel(axes, dataset)
        means = rows[rows["dataset"] == dataset].groupby("items").mean(numeric_only=True)
        axes.plot(means.index, means.index - 1, color=LIGHT, linewidth=2.5)
        axes.plot(means.index, means["d_k"], color=LIGHT, linewidth=2.5, dashes=DOTTED)
        axes.plot(means.index, means["random_rank"], color=random, linestyle="", marker="o", markersize=3)
        axes.plot(means.index, means["own_rank"], color=own, linestyle="", marker="s", markersize=3)
        axes.set_ylim(0)
        axes.set_xlabel("Items")
    panels[0].set_ylabel("Rank of logits")
    legend: dict[str, Artist] = {
        "random alternatives": Line2D([], [], color=random, linestyle="", marker="o", markersize=3),
        "the model's own": Line2D([], [], color=own, linestyle="", marker="s", markersize=3),
        "items − 1": Line2D([], [], color=LIGHT, linewidth=2.5),
        "d_k": Line2D([], [], color=LIGHT, linewidth=2.5, dashes=DOTTED),
    }
    said = "random elements of a set miss its subsets of lower dimension: that no rank is d_k is no proof"
    head(figure, "Ranks of logits of weights with the same head output", said, legend)
    return write(figure, folder, "figure_logit_ranks")
