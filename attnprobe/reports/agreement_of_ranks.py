"""How alike the orderings of a run are, as a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attnprobe.reports.cells import INTERVALS, Row, Table, cell, percentage, table_of
from attnprobe.reports.latex import in_latex
from attnprobe.reports.style import display_name


def rank_agreement_table(summary: Mapping[str, Any]) -> Table | None:
    """By pair of orderings Kendall's τ, the overlap of first items and their distance; None without kept orders."""
    found = summary["rank_agreement"]
    if found is None:
        return None
    cells: dict[str, Callable[[Row], str]] = {
        "First": lambda row: in_latex(display_name(row["first"], summary)),
        "Second": lambda row: in_latex(display_name(row["second"], summary)),
        r"Kendall's $\tau$": lambda row: cell(row["kendall_tau"], 3),
        "In common": lambda row: percentage(row["top_overlap"]),
        "$K^{(1/2)}$": lambda row: cell(row["top_distance"], 3),
    }
    percent = rf"{found['top_percent']}\,\%"
    caption = (
        rf"how alike orderings are, means over {found['documents']:,} documents: Kendall's $\tau$ of whole orderings; "
        rf"of their first {percent} of the {summary['run']['unit']}s, rounded up, the share (\%) that both have in "
        r"common, and Fagin, Kumar and Sivakumar's distance $K^{(1/2)}$, 1 where there is none; "
        rf"{INTERVALS}"
    )
    return table_of(found["pairs"], cells, caption)
