"""The 2 × 2 table: does erasing the most attended item alone flip the decision, and does erasing another?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from attnprobe.analysis.columns import columns_of
from attnprobe.analysis.results import ATTENTION, RunResults
from attnprobe.reports.numbers import percent_with_interval
from attnprobe.reports.page.marks import Marks


class TableCell(NamedTuple):
    """Its share of the documents, in words and as a shade from 0 to 8, and its mark."""

    says: str
    shade: int
    mark: int


def single_flips_table(results: RunResults, summary: Mapping[str, Any], marks: Marks) -> dict[str, TableCell]:
    """``both``, ``only_top``, ``only_other``, ``neither``: shares averaged over every other item r."""
    top, other = columns_of(results, ["flip_top", "flip_other"]).values()
    unit = results.unit
    documents = {
        "both": (f"Erasing i* flips, and so does another {unit}", (top == 1) & (other > 0)),
        "only_top": (f"Erasing i* flips, erasing another {unit} does not", (top == 1) & (other < 1)),
        "only_other": (f"Erasing i* does not flip, erasing another {unit} does", (top == 0) & (other > 0)),
        "neither": (f"Neither i* nor another {unit} flips alone", (top == 0) & (other < 1)),
    }
    shares = summary["single_flips"][ATTENTION]
    return {
        name: TableCell(
            percent_with_interval(shares[name]),
            int(np.ceil(8 * (shares[name]["value"] or 0.0) - 0.02)),
            marks.add(title, rows),
        )
        for name, (title, rows) in documents.items()
    }
