"""What share of the items each ordering erases at the first flip: a histogram a row, never apart."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from attnprobe.analysis.bootstrap import Numbers
from attnprobe.analysis.results import RunResults
from attnprobe.reports.numbers import percent, percent_with_interval
from attnprobe.reports.page.marks import Marks, Rows
from attnprobe.reports.style import display_name

BINS = 20

SPAN = 88.0
"""Percent of the width that the fractions take; what never flips stands behind them."""

NEVER = 92.0


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
    says_never: str


def fraction_rows(results: RunResults, summary: Mapping[str, Any], marks: Marks) -> list[FractionRow]:
    """One row an ordering, in order of display. Every bar's height is relative to the highest of all rows."""
    flips = results.first_flips
    shares = {name: _histogram(flip.fraction) for name, flip in flips.items()}
    highest = max(float(each.max()) for each in shares.values()) or 1.0
    rows = []
    for place, (name, flip) in enumerate(flips.items()):
        statistics = summary["first_flips"][name]
        bars = []
        for number, share in enumerate(shares[name]):
            if share > 0:
                title, chosen = _documents(name, flip.fraction, number)
                x, width = (NEVER, 7.6) if number == BINS else (SPAN * number / BINS, SPAN / BINS - 0.4)
                says = f"{title}: {percent(float(share))} of the documents"
                bars.append(Bar(x, width, 100 * float(share) / highest, marks.add(title, chosen), says))
        mean = statistics["mean_fraction"]
        value, low, high = (math.nan if mean[end] is None else SPAN * mean[end] for end in ("value", "low", "high"))
        never = statistics["never_share"]
        said = percent_with_interval(mean), percent_with_interval(never)
        rows.append(FractionRow(place, display_name(name), bars, value, low, high, *said))
    return rows


def _bins(fractions: Numbers) -> npt.NDArray[np.int64]:
    """Which bar each erasure belongs to, the last one for never; a fraction at the end of a bin belongs to it."""
    bins = np.ceil(np.nan_to_num(fractions, nan=2.0) * BINS - 1e-9).astype(np.int64) - 1
    return np.where(np.isnan(fractions), BINS, np.clip(bins, 0, BINS - 1))


def _histogram(fractions: Numbers) -> Numbers:
    return np.bincount(_bins(fractions).reshape(-1), minlength=BINS + 1) / fractions.size


def _documents(name: str, fractions: Numbers, number: int) -> tuple[str, Rows]:
    chosen = (_bins(fractions) == number).any(axis=1)
    draws = ", in a draw" if fractions.shape[1] > 1 else ""
    if number == BINS:
        return f"{display_name(name)}: never flips{draws}", chosen
    low, high = 100 * number // BINS, 100 * (number + 1) // BINS
    return f"{display_name(name)}: flips with {low} to {high} % erased{draws}", chosen
