"""How many items, erased alone, must, may or never flip the decision over all weights that give the same output."""

from __future__ import annotations

from typing import NamedTuple

from attnprobe.analysis.columns import columns_of
from attnprobe.analysis.identifiability_results import documents_with_reach
from attnprobe.analysis.results import RunResults
from attnprobe.reports.numbers import percent
from attnprobe.reports.page.marks import Marks

OUTCOMES = {
    "must_flip": "must flip it, whichever of the equivalent weights are shown",
    "may_flip": "may flip it: some of the equivalent weights say so, others do not",
    "never_flips": "never flips it, whichever of the equivalent weights are shown",
}
"""Columns of documents.parquet, numbers of items, and what they mean."""


class Outcome(NamedTuple):
    """A part of the bar in percent; its mark, its kind, what it says."""

    x: float
    width: float
    mark: int
    kind: str
    says: str


def identifiability_bar(results: RunResults, marks: Marks) -> list[Outcome]:
    """Parts of the bar, in order: shares of the items of the documents that were looked at, erased alone.

    A part's documents are those with such an item. There is none where the documents lack a column of ``OUTCOMES``.
    """
    if not set(OUTCOMES) <= set(results.several):
        return []
    looked_at, counts = documents_with_reach(results), columns_of(results, list(OUTCOMES))
    sums = {column: float(looked_at[column].sum()) for column in OUTCOMES}
    items = sum(sums.values())
    parts: list[Outcome] = []
    x = 0.0
    for column, title in OUTCOMES.items():
        share = sums[column] / items if items else 0.0
        if share > 0:
            mark = marks.add(f"With an item that {title}", counts[column] > 0)
            says = f"{title[0].upper()}{title[1:]}: {percent(share)}"
            parts.append(Outcome(100 * x, 100 * share, mark, column, says))
        x += share
    return parts
