"""The range of every weight around the observed one, for a few documents."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from attnprobe.analysis.identifiability_results import KEYS, load_identifiability
from attnprobe.analysis.results import RunResults
from attnprobe.reports import style
from attnprobe.reports.drawn import documents_in, require_drawn
from attnprobe.reports.figures.frame import Drawn, new_panel, new_sheet, say_instead, title, write_title
from attnprobe.reports.type_widths import printable

PANELS = 4
"""Documents that are shown: from the least to the most movable, evenly among those in which weights can move."""

_ITEMS = 60
"""Items that are shown of a longer document: those with the largest weights."""


def draw(results: RunResults, ax: Axes | None = None) -> Drawn | None:
    """A panel a document: items by weight, a bar for each one's range; None where nothing was identified."""
    found = load_identifiability(results)
    if found is None:
        return None
    rows = found.sampled[found.sampled["mean_width"] > 0].sort_values(["mean_width", "document"])
    if rows.empty:
        figure, axes = new_panel(results, height=1.2, documents=documents_in(found.sampled), ax=ax)
        say_instead(axes, "In no sampled document can an attention weight move at the same output.")
        return figure
    shown = rows.iloc[sorted({round(i * (len(rows) - 1) / (PANELS - 1)) for i in range(PANELS)})]
    weights = found.weight_ranges().set_index(["document", *KEYS]).sort_index()
    with mpl.rc_context(style.SETTINGS):
        figure = new_sheet((style.WIDTH, 0.75 + 1.15 * len(shown)), ax)
        write_title(figure, title(results, documents_in(shown), style.WIDTH, sampled=True))
        panels = figure.subplots(len(shown), 1, squeeze=False)[:, 0]
        for axes, (_, row) in zip(panels, shown.iterrows(), strict=True):
            _draw_document(axes, row, weights.loc[[(row["document"], *(row[key] for key in KEYS))]])
        panels[-1].set_xlabel(
            "Items by observed weight\n(bar: range at the same output;\nblack: observed, red: greatest entropy)"
        )
    return figure


def _draw_document(axes: Axes, row: pd.Series, weights: pd.DataFrame) -> None:
    columns = weights[["low", "high", "maximum_entropy", "weight"]].to_numpy(dtype=np.float64)
    require_drawn("weights", np.count_nonzero(np.isfinite(columns).all(axis=1)), row["n"])
    ordered = weights.sort_values("weight", ascending=False, kind="stable").head(_ITEMS)
    places = range(1, len(ordered) + 1)
    axes.vlines(places, ordered["low"], ordered["high"], color="#56B4E9", linewidth=2.0)
    axes.scatter(places, ordered["maximum_entropy"], color="#D55E00", s=6, marker="_", linewidths=0.8, zorder=3)
    axes.scatter(places, ordered["weight"], color="black", s=3, linewidths=0, zorder=4)
    head = "" if row["stack"] == "pooling" else f", {printable(row['stack'])} {row['layer']}.{row['head']}"
    shown = f" (first {len(ordered)})" if len(weights) > len(ordered) else ""
    axes.set_title(
        f"document {row['document']}{head}: n = {row['n']:,}{shown}, nullity {row['nullity']:,}",
        loc="left",
        pad=2,
        fontsize=style.SETTINGS["xtick.labelsize"],
    )
    axes.set(xlim=(0, len(ordered) + 1), ylim=(0, None))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylabel("Weight")
