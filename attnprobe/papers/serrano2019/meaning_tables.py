"""Claims by meanings of erasure: a matrix for the terminal, and as Markdown, CSV and LaTeX."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

import pandas as pd

from attnprobe.base.visible import in_a_cell
from attnprobe.papers.serrano2019.claims.scorecard import ClaimResult
from attnprobe.reports.latex import booktabs, in_latex
from attnprobe.reports.markdown import markdown_row

OVER_ALL = "over all"


def has_meanings(scorecard: Sequence[ClaimResult]) -> bool:
    """Whether any claim was judged under several."""
    return any(result.by_way for result in scorecard)


def meanings_of_claim(result: ClaimResult) -> str:
    """What becomes of a claim over all of them, in a line; empty where there is one."""
    if not result.by_way:
        return ""
    others = [f"{way}: {verdict}" for way, verdict in result.by_way.items() if verdict != result.verdict]
    told = f" ({'; '.join(others)})" if others else ""
    return f"Over {len(result.by_way)} meanings of erasure: {result.over_meanings}{told}."


def matrix(scorecard: Sequence[ClaimResult]) -> pd.DataFrame:
    """A row a claim that was judged under several, a column a way of erasing, and what becomes of it over all."""
    ways = list(dict.fromkeys(way for result in scorecard for way in result.by_way))
    rows = [
        {"claim": result.claim.id, **{way: result.by_way.get(way, "") for way in ways}, OVER_ALL: result.over_meanings}
        for result in scorecard
        if result.by_way
    ]
    return pd.DataFrame(rows, columns=["claim", *ways, OVER_ALL])


def as_markdown(scorecard: Sequence[ClaimResult]) -> str:
    """The matrix under a heading."""
    table = matrix(scorecard)
    lines = [markdown_row(list(table.columns)), "|---" * len(table.columns) + "|"]
    lines += [markdown_row(row) for row in table.itertuples(index=False, name=None)]
    return "\n".join(["## Meanings of erasure", "", *lines])


def as_csv(scorecard: Sequence[ClaimResult]) -> str:
    """The matrix, its titles harmless in a cell."""
    text = io.StringIO()
    table, writer = matrix(scorecard), csv.writer(text, lineterminator="\n")
    writer.writerow(map(in_a_cell, table.columns))
    writer.writerows(table.itertuples(index=False, name=None))
    return text.getvalue()


def as_latex(scorecard: Sequence[ClaimResult]) -> str:
    """The matrix, its claims by their numbers."""
    table = matrix(scorecard)
    shown = table.map(in_latex).set_axis([in_latex(name) for name in table.columns], axis=1)
    caption = (
        "Claims under each meaning of erasure: the verdict over all pairs, judged from 95\\,\\% intervals. A claim "
        "survives where it has one verdict under all, and falls where it has the opposite one under some."
    )
    return booktabs(shown, caption, "tab:meanings")
