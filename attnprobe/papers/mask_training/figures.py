"""The figure: what training for erasure changes, a row a dataset and model."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from attnprobe.erasure.registered_orderings import ATTENTION, SMALLEST_SET
from attnprobe.papers.mask_training.changes import ACCURACY, ERASED, LEAD, SIDES, quantity
from attnprobe.papers.serrano2019.figures.panel_order import model_name
from attnprobe.papers.serrano2019.figures.sheet import GREY, PAGE, head, name_panel, new_sheet, write
from attnprobe.reports import style

PERCENT = 100.0
ROW = 0.155
"""Inches a dataset and model."""

APART = 0.17
"""Between two values in a row, in rows."""


def draw_changes(table: pd.DataFrame, folder: Path) -> list[Path]:
    """Accuracy, what attention and the smallest set erase, and attention's lead over gradient: before and after.

    The first seed of a dataset and model has its intervals over documents; the differences of others are small dots.
    """
    pairs = list(dict.fromkeys(zip(table["dataset"], table["model"], strict=True)))
    datasets = list(dict.fromkeys(dataset for dataset, _ in pairs))
    places = {pair: place + datasets.index(pair[0]) for place, pair in enumerate(pairs)}
    table = table.assign(first=table.groupby(["dataset", "model"])["seed"].transform("min") == table["seed"])
    figure = new_sheet(PAGE, 1.1 + ROW * (len(pairs) + len(datasets)))
    accuracy, erased, lead = figure.subplots(1, 3, sharey=True, width_ratios=(1, 1.25, 1.25))
    colours = style.colours([ATTENTION, SMALLEST_SET])
    _differences(accuracy, table[table["quantity"] == ACCURACY], places)
    for ordering, shift in ((ATTENTION, -APART), (SMALLEST_SET, APART)):
        rows = table[table["first"] & (table["quantity"] == quantity(ERASED, ordering))]
        _before_and_after(erased, rows, places, colours[ordering], shift)
    _before_and_after(
        lead, table[table["first"] & (table["quantity"] == quantity(LEAD, "gradient"))], places, colours[ATTENTION], 0
    )
    name_panel(accuracy, "Accuracy, change")
    name_panel(erased, "Items erased at the first flip")
    name_panel(lead, "Attention's lead over gradient")
    accuracy.set_xlabel("points")
    erased.set_xlabel("%, others as all")
    lead.set_xlabel("points")
    for axes in (accuracy, lead):
        axes.axvline(0, color="#BBBBBB", linewidth=0.6, zorder=0)
    erased.set_xlim(0, PERCENT)
    accuracy.set_yticks(list(places.values()), [f"{dataset} {model_name(model)}" for dataset, model in pairs])
    accuracy.set_ylim(max(places.values()) + 0.7, min(places.values()) - 0.7)
    for axes in (accuracy, erased, lead):
        axes.tick_params(axis="y", length=0)
    legend = {
        "Attention": Line2D([], [], color=colours[ATTENTION], marker="o", markersize=4, linestyle=""),
        "Smallest set": Line2D([], [], color=colours[SMALLEST_SET], marker="o", markersize=4, linestyle=""),
        "trained on whole documents": Line2D(
            [], [], color=GREY, marker="o", markersize=4, linestyle="", fillstyle="none"
        ),
        "trained for erasure": Line2D([], [], color=GREY, marker="o", markersize=4, linestyle=""),
    }
    said = (
        "bars: 95 % intervals over documents, first seed; small dots: further seeds; leads above 0: attention earlier"
    )
    head(figure, "What training for erasure changes", said, legend)
    return write(figure, folder, "figure_mask_training")


def _differences(axes: Axes, rows: pd.DataFrame, places: dict[tuple[str, str], int]) -> None:
    for row in rows.to_dict("records"):
        place = places[row["dataset"], row["model"]]
        if row["first"]:
            ends = [PERCENT * row["difference_low"], PERCENT * row["difference_high"]]
            axes.hlines(place, *ends, color=GREY, linewidth=1)
        size = 3.5 if row["first"] else 1.5
        axes.plot(PERCENT * row["difference"], place, "o", color=GREY, markersize=size)


def _before_and_after(
    axes: Axes, rows: pd.DataFrame, places: dict[tuple[str, str], int], colour: str, shift: float
) -> None:
    for row in rows.to_dict("records"):
        place = places[row["dataset"], row["model"]] + shift
        ends = [PERCENT * row[side] for side in SIDES[:2]]
        axes.plot(ends, [place, place], color=colour, linewidth=0.6, alpha=0.6, zorder=1)
        for side, filled in zip(SIDES[:2], ("white", colour), strict=True):
            axes.hlines(place, PERCENT * row[f"{side}_low"], PERCENT * row[f"{side}_high"], color=colour, linewidth=1)
            axes.plot(PERCENT * row[side], place, "o", color=colour, markerfacecolor=filled, markersize=3.5, zorder=3)
