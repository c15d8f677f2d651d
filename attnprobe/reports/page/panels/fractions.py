"""What share of the items each ordering erases at the first flip: a histogram a row, what does not flip behind it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from attnprobe.analysis.results import FirstFlips, RunResults
from attnprobe.reports.numbers import percent, percent_with_interval
from attnprobe.reports.page.marks import Marks, Rows

BINS = 20

SPAN = 70.0
"""Percent of the width that the fractions take."""

ENDS = (74.0, 88.0)
"""Where the bars of what changes only when nothing is left, and of what never does, stand behind them."""

END = 12.0
"""How wide these are."""


class Bar(NamedTuple):
    """A bar from ``x``, ``width`` wide and ``height`` high, in percent; its mark, and what it says."""

    x: float
    width: float
    height: float
    mark: int
    says: str


class FractionRow(NamedTuple):
    """One ordering: its place among the orderings, bars, the mean with its interval in percent of the width, or NaN."""

    ordering: int
    name: str
    bars: list[Bar]
    mean: float
    low: float
    high: float
    says_mean: str
    says_emptied: str
    says_never: str


def fraction_rows(results: RunResults, summary: Mapping[str, Any], marks: Marks) -> list[FractionRow]:
    """One row an ordering, in order of display. Every bar's height is relative to the highest of all rows."""
    flips = results.first_flips
    shares = {
        name: np.bincount(_bins(flip).reshape(-1), minlength=BINS + 2) / flip.fraction.size
        for name, flip in flips.items()
    }
    highest = max(float(each.max()) for each in shares.values()) or 1.0
    rows = []
    for place, (name, flip) in enumerate(flips.items()):
        statistics = summary["first_flips"][name]
        bars = []
        for number, share in enumerate(shares[name]):
            if share > 0:
                title, chosen = _documents(results.title(name), flip, number)
                x, width = (SPAN * number / BINS, SPAN / BINS - 0.4) if number < BINS else (ENDS[number - BINS], END)
                says = f"{title}: {percent(float(share))} of the documents"
                bars.append(Bar(x, width, 100 * float(share) / highest, marks.add(title, chosen), says))
        mean = statistics["mean_fraction"]
        value, low, high = (math.nan if mean[end] is None else SPAN * mean[end] for end in ("value", "low", "high"))
        said = (percent_with_interval(each) for each in (mean, statistics["emptied_share"], statistics["never_share"]))
        rows.append(FractionRow(place, results.title(name), bars, value, low, high, *said))
    return rows


def _bins(flip: FirstFlips) -> npt.NDArray[np.int64]:
    """Which bar each erasure belongs to, the last two for emptied and never; the end of a bin belongs to it."""
    bins = np.ceil(np.nan_to_num(flip.fraction) * BINS - 1e-9).astype(np.int64) - 1
    return np.where(flip.never, BINS + 1, np.where(flip.emptied, BINS, np.clip(bins, 0, BINS - 1)))


def _documents(title: str, flip: FirstFlips, number: int) -> tuple[str, Rows]:
    chosen = (_bins(flip) == number).any(axis=1)
    low, high = 100 * number // BINS, 100 * (number + 1) // BINS
    ends = {BINS: "changes only when nothing is left", BINS + 1: "never changes"}
    outcome = ends.get(number, f"flips with {low} to {high} % erased")
    return f"{title}: {outcome}{', in a draw' * (flip.fraction.shape[1] > 1)}", chosen
