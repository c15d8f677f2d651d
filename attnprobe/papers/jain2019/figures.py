"""The figure: mean correlations of attention by encoder and dataset, beside those that were released."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D

from attnprobe.erasure.correlation_names import CORRELATIONS
from attnprobe.papers.jain2019.published import ENCODERS
from attnprobe.papers.jain2019.tables import beside_released
from attnprobe.papers.serrano2019.figures.sheet import GREY, PAGE, head, name_panel, new_sheet, write

COLOURS = dict(zip(CORRELATIONS, ("#0072B2", "#D55E00", "#222222"), strict=True))
SHIFTS = dict(zip(CORRELATIONS, (-0.18, 0.0, 0.18), strict=True))


def draw_correlations(runs: pd.DataFrame, folder: Path) -> list[Path]:
    """A panel a dataset, a place an encoder: ours filled, with intervals; further seeds as dots; released hollow."""
    rows = [row for row in beside_released(runs) if row["seeds"]]
    datasets = list(dict.fromkeys(row["dataset"] for row in rows))
    figure = new_sheet(PAGE, 2.5)
    panels = figure.subplots(1, len(datasets), sharey=True, squeeze=False)[0]
    places = {encoder: place for place, encoder in enumerate(ENCODERS.values())}
    for axes, dataset in zip(panels, datasets, strict=True):
        of_dataset = [row for row in rows if row["dataset"] == dataset]
        name_panel(axes, f"{dataset} ({of_dataset[0]['released_dataset']})")
        axes.axhline(0, color="#BBBBBB", linewidth=0.6)
        for row in of_dataset:
            for name, shift in SHIFTS.items():
                place, colour = places[row["encoder"]] + shift, COLOURS[name]
                axes.vlines(place, row[f"{name}_low"], row[f"{name}_high"], color=colour, linewidth=1)
                axes.plot(place, row[name], "o", color=colour, markersize=4)
                further = [seed[name] for seed in row["seeds"][1:]]
                axes.plot(np.full(len(further), place), further, ".", color=colour, markersize=3)
                axes.plot(place + 0.07, row[f"released_{name}"], "o", color=colour, markersize=4, fillstyle="none")
        axes.set_xticks(list(places.values()), list(places))
        axes.set_xlim(-0.5, len(places) - 0.5)
    panels[0].set_ylabel("Kendall's τ, mean over documents")
    legend = {
        between: Line2D([], [], color=COLOURS[name], marker="o", linestyle="") for name, between in CORRELATIONS.items()
    }
    legend["released"] = Line2D([], [], color=GREY, marker="o", linestyle="", fillstyle="none")
    said = "bars: 95 % intervals over documents; small dots: further seeds; in brackets the dataset that was released"
    head(figure, "How alike words are ranked by attention, gradients and leaving them out", said, legend)
    return write(figure, folder, "figure_correlations")
