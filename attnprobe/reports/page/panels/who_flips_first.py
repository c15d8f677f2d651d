"""Attention against each other ordering: which flips a document's decision with fewer erasures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from attnprobe.analysis.results import ATTENTION, RunResults
from attnprobe.analysis.who_flips_first import SHARES, shares_of_documents
from attnprobe.reports.numbers import percent_with_interval
from attnprobe.reports.page.marks import Marks


class Segment(NamedTuple):
    """A part of a bar in percent; its mark, its kind, what it says, and its share alone."""

    x: float
    width: float
    mark: int
    kind: str
    says: str
    share: str


class ComparisonRow(NamedTuple):
    """Attention against one ordering; ``ordering`` is that one's place among the orderings."""

    ordering: int
    name: str
    segments: list[Segment]
    documents: int


def comparison_rows(results: RunResults, summary: Mapping[str, Any], marks: Marks) -> list[ComparisonRow]:
    """One row an ordering that attention is held against; under neither, nothing flips while something is left.

    A document belongs to the most frequent outcome of its draws.
    """
    flips = results.first_flips
    names = list(flips)
    rows = []
    for comparison in summary["who_flips_first"]:
        other = comparison["second"]
        if comparison["first"] != ATTENTION:
            continue
        shares = shares_of_documents(flips[ATTENTION], flips[other])
        outcome = np.argmax([shares[field] for field in SHARES], axis=0)
        name = results.title(other)
        titles = (
            f"Attention flips earlier than {name}",
            f"Attention and {name} flip after as many",
            f"{name} flips earlier than attention",
            f"Neither attention nor {name} flips while something is left",
        )
        segments: list[Segment] = []
        x = 0.0
        for place, (field, title) in enumerate(zip(SHARES, titles, strict=True)):
            width = 100 * comparison[field]["value"]
            if width > 0:
                share = percent_with_interval(comparison[field])
                mark = marks.add(title, outcome == place)
                segments.append(Segment(x, width, mark, field, f"{title}: {share}", share))
            x += width
        rows.append(ComparisonRow(names.index(other), name, segments, comparison["lead"]["n"]))
    return rows
