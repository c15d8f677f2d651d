"""A knock-out as files: tables (CSV, LaTeX, Markdown) and figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import pandas as pd

from attnprobe.analysis.knockout_map import OfRoute, Screened
from attnprobe.base.atomic_files import output_folder, replacing
from attnprobe.reports import style
from attnprobe.reports.cells import INTERVALS, Table, cell, percentage, table_of
from attnprobe.reports.csv_text import csv_text
from attnprobe.reports.figures.frame import save
from attnprobe.reports.knockout.lines_drawn import draw_lines
from attnprobe.reports.knockout.matrix_drawn import draw_matrix
from attnprobe.reports.knockout.words import knockout_in_words, layers_in_words, nats
from attnprobe.reports.latex import booktabs, in_latex
from attnprobe.reports.markdown import markdown_table
from attnprobe.reports.numbers import percent_with_interval
from attnprobe.settings.knockout import WHOLE

TABLES = ("knockout.csv", "knockout.tex", "knockout.md")
FIGURES = ("knockout_lines", "knockout_matrix")


def write_knockout(
    name: str, routes: Sequence[OfRoute], prompts: pd.DataFrame, screen: Screened | None, folder: Path
) -> list[Path]:
    """Write tables and figures into a folder, which is made where it is not there; returns the paths.

    Args:
        name: of the model, for titles.
        routes: of all prompts.
        prompts: one row a prompt.
        screen: what is known of the screen of single edges; None where there was none.
        folder: where to.
    """
    output_folder(folder)
    table = routes_table(name, routes, len(prompts))
    words = knockout_in_words(name, routes, prompts, screen)
    contents = dict(
        zip(
            TABLES,
            (
                csv_text(table.plain),
                booktabs(table.shown, f"{table.caption}.", label="tab:knockout"),
                f"{words}\n\n{_in_markdown(routes)}\n",
            ),
            strict=True,
        )
    )
    for file, text in contents.items():
        with replacing(folder / file) as temporary:
            temporary.write_text(text, encoding="utf-8")
    title = f"{name} · n = {len(prompts):,} prompts"
    with mpl.rc_context(style.SETTINGS):
        drawn = [
            *save(draw_lines(routes, title), folder, FIGURES[0]),
            *save(draw_matrix(routes, title), folder, FIGURES[1]),
        ]
    return [*(folder / file for file in contents), *drawn]


def routes_table(name: str, routes: Sequence[OfRoute], prompts: int) -> Table:
    """One row a route."""
    rows = []
    for route in routes:
        row = route._asdict()
        for field in ("delta_log_probability", "delta_rival", "flipped"):
            row[field] = row[field]._asdict()
        rows.append(row)
    cells = {
        "Source": lambda row: in_latex(row["source"]),
        "Target": lambda row: in_latex(row["target"]),
        "Layers": lambda row: f"{row['first_layer']}--{row['last_layer']}",
        "Head": lambda row: "all" if row["head"] == WHOLE else str(row["head"]),
        r"$\Delta\log p$": lambda row: cell(row["delta_log_probability"], 2),
        r"$\Delta\log p$ of the rival": lambda row: cell(row["delta_rival"], 2),
        "Flipped (\\%)": lambda row: percentage(row["flipped"]),
    }
    caption = (
        rf"{in_latex(name)}: what cutting off target positions from source positions does to the decision, over "
        rf"{prompts:,} prompts (nats); {INTERVALS.replace('documents', 'prompts')}"
    )
    return table_of(rows, cells, caption)


def _in_markdown(routes: Sequence[OfRoute]) -> str:
    rows = [
        (
            f"{route.source} → {route.target}",
            layers_in_words(route),
            "all" if route.head == WHOLE else str(route.head),
            nats(route.delta_log_probability),
            nats(route.delta_rival),
            percent_with_interval(route.flipped._asdict()),
        )
        for route in routes
    ]
    return markdown_table(("route", "layers", "head", "Δ log p", "Δ log p of the rival", "flipped"), rows)
