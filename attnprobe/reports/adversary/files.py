"""The frontier as files: a table of documents, one of the frontier (CSV and LaTeX), and a figure."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
import pandas as pd

from attnprobe.analysis.adversary_frontier import Frontier
from attnprobe.analysis.results import RunResults
from attnprobe.base.atomic_files import output_folder, replacing
from attnprobe.reports import style
from attnprobe.reports.adversary.frontier_drawn import draw_frontier
from attnprobe.reports.cells import INTERVALS, Row, Table, cell, percentage, table_of
from attnprobe.reports.csv_text import csv_text
from attnprobe.reports.figures.frame import save
from attnprobe.reports.latex import booktabs, in_latex


def write_frontier(
    results: RunResults, rows: pd.DataFrame, documents: pd.DataFrame, frontier: Frontier, folder: Path
) -> list[Path]:
    """Write everything into a folder, which is made where it is not there; returns the paths.

    Args:
        results: of the run, for titles.
        rows: one a document and epsilon.
        documents: one a document.
        frontier: made of both.
        folder: where to.
    """
    output_folder(folder)
    table = frontier_table(results, frontier)
    contents = {
        "documents.csv": csv_text(rows.merge(documents[["document", "permutation_z"]], on="document")),
        "frontier.csv": csv_text(table.plain),
        "frontier.tex": booktabs(table.shown, f"{table.caption}.", label="tab:adversary"),
    }
    for name, text in contents.items():
        with replacing(folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8")
    with mpl.rc_context(style.SETTINGS):
        drawn = save(draw_frontier(results, rows, frontier), folder, "frontier")
    return [*(folder / name for name in contents), *drawn]


def frontier_table(results: RunResults, frontier: Frontier) -> Table:
    """One row an epsilon."""
    rows: list[Row] = [
        {
            "epsilon": one.epsilon,
            **{name: getattr(one, name)._asdict() for name in ("js", "js_bound", "tv", "tv_bound", "one_item")},
            "exact": one.exact,
        }
        for one in frontier.at
    ]
    cells: dict[str, Callable[[Row], str]] = {
        r"$\varepsilon$": lambda row: f"{row['epsilon']:g}",
        "JSD": lambda row: cell(row["js"], 3),
        "JSD, bound": lambda row: cell(row["js_bound"], 3),
        "TVD": lambda row: cell(row["tv"], 3),
        "TVD, bound": lambda row: cell(row["tv_bound"], 3),
        "One item (\\%)": lambda row: percentage(row["one_item"]),
        "Exact": lambda row: f"{row['exact']:,}",
    }
    kept = r"whose prediction moves by no more than $\varepsilon$"
    if frontier.same_output:
        kept = f"that pools the {in_latex(results.unit)}s to the very same vector"
        del cells[r"$\varepsilon$"]
    caption = (
        rf"{in_latex(results.name)}: the farthest attention {kept}, over "
        rf"{frontier.documents:,} documents: Jensen-Shannon divergence (nats) and total variation, attained and "
        rf"bounded; documents whose farthest attention is on one item; documents whose divergence is exact; {INTERVALS}"
    )
    return table_of(rows, cells, caption)
