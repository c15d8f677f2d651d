"""Intervals that need no resampling: for shares of a plain yes or no, for leads of such, for a few seeds.

Wilson's (1927) is used where the outcome of a document is yes or no: accuracy, whether erasing i* flips, never flips of
an ordering that is not random, cells of 2×2 tables of two such outcomes. A lead, the share of documents in which one
of two outcomes without chance in them comes first less the share in which the other does, has an interval that agrees
with the exact test (``exact_lead``). Averages of shares (over r, over random draws), means and ratios have the
bootstrap's (``bootstrap``). Student's is for a few seeds.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from scipy.special import betaincinv, ndtri, stdtrit

from attnprobe.analysis.bootstrap import LEVEL, Estimate, Numbers, Ratio, ratios

Key = TypeVar("Key", bound=Hashable)
Counts = npt.NDArray[np.int64]

SEEDS_FOR_AN_INTERVAL = 3


ANGLES = 720
"""Points of the ellipse at which an interval of a lead looks for its ends: they are found to 1e-5 of their distance."""

QUANTILE = float(ndtri((1 + LEVEL) / 2))


def wilson(successes: int, n: int) -> Estimate:
    """A share and its score interval: all p with |k/n − p| ≤ z √(p (1 − p) / n); never of zero width.

    Args:
        successes: how many of the documents.
        n: how many documents; of none the share is NaN.
    """
    if n == 0:
        return Estimate(math.nan, math.nan, math.nan, 0)
    low, high = _wilson_ends(np.array([successes]), n)
    return Estimate(successes / n, float(low[0]), float(high[0]), int(n))


def unseen(n: int) -> float:
    """Upper end of Wilson's interval of a share that none of n documents has: z² / (n + z²)."""
    return QUANTILE**2 / (n + QUANTILE**2)


def average_shares(columns: Mapping[Key, Ratio]) -> dict[Key, Estimate]:
    """Shares that are averaged over draws or over items, with the bootstrap's intervals.

    What no document shows no resample shows: where all documents are alike the bootstrap has no width, however few they
    are. Its ends are then as far as those of Wilson's interval of a share that none, or all, of the documents have.

    Args:
        columns: numerators and denominators (documents,) of each share, as :func:`ratios` takes them.
    """
    return {key: with_width(estimate) for key, estimate in ratios(columns).items()}


def with_width(estimate: Estimate) -> Estimate:
    """A bootstrapped share, whose interval is as wide as Wilson's of an unseen one where all documents are alike."""
    if estimate.n < 2 or estimate.low != estimate.high:
        return estimate
    reach = unseen(estimate.n)
    return estimate._replace(low=max(0.0, estimate.value - reach), high=min(1.0, estimate.value + reach))


def exact_lead(first: int, second: int, n: int, times: float = 1.0) -> Estimate:
    """Share of n documents with the first ahead less ``times`` the share with the second ahead, and its interval.

    Args:
        first: in how many documents the first is ahead.
        second: in how many the second is; in the rest neither.
        n: how many documents there are.
        times: how often the second is counted.
    """
    if n == 0:
        return Estimate(math.nan, math.nan, math.nan, 0)
    low, high = lead_ends(np.array([first]), np.array([second]), n, times)
    return Estimate((first - times * second) / n, float(low[0]), float(high[0]), int(n))


def lead_ends(first: Counts, second: Counts, n: int, times: float = 1.0) -> tuple[Numbers, Numbers]:
    """Ends of the intervals of leads, (leads,) each, of which 0 is outside where the exact test has p below .05.

    The lead is θ · g(π) with θ the share of discordant documents, π the share of the first among them and
    g(π) = (1 + ``times``) π − ``times``. θ has Wilson's interval, and π that of Clopper & Pearson (1934) given the
    number of discordant documents, which is the exact binomial test of π = ``times`` / (1 + ``times``) turned round.
    The two are estimated independently, and the interval of their product is the range that it has over the ellipse
    whose half axes are the two intervals, to either side of the estimate its own: MOVER (Zou & Donner 2008) without the
    linear approximation. As θ is above 0, the product has one sign where g has one. An interval given the number of
    discordant documents alone would have no width where there is none, however few the documents. Where there is none
    every π is possible, and θ's upper end is all that is known.

    Args:
        first: (leads,) in how many documents the first is ahead.
        second: (leads,) in how many the second is.
        n: how many documents there are, at least one.
        times: how often the second is counted.
    """
    discordant = first + second
    some = np.maximum(discordant, 1)
    least, most = _wilson_ends(discordant, n)
    tail = (1 - LEVEL) / 2
    low = np.where(first > 0, betaincinv(np.maximum(first, 1), second + 1, tail), 0.0)
    high = np.where(second > 0, betaincinv(first + 1, np.maximum(second, 1), 1 - tail), 1.0)
    share, among = discordant / n, first / some
    angles = np.arange(ANGLES)[:, None] * (2 * np.pi / ANGLES)
    across, up = np.cos(angles), np.sin(angles)
    theta = share + across * np.where(across > 0, most - share, share - least)
    pi = among + up * np.where(up > 0, high - among, among - low)
    leads = theta * ((1 + times) * pi - times)
    seen = discordant > 0
    return np.where(seen, leads.min(axis=0), -times * most), np.where(seen, leads.max(axis=0), most)


def _wilson_ends(successes: Counts, n: int) -> tuple[Numbers, Numbers]:
    """Ends of Wilson's intervals of counts (shares,) of n documents."""
    z, share = QUANTILE, successes / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    reach = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # At 0 and at n the formula's end is the share itself, which rounding must not miss.
    low = np.where(successes == 0, 0.0, np.maximum(0.0, middle - reach))
    return low, np.where(successes == n, 1.0, np.minimum(1.0, middle + reach))


def binary_shares(columns: Mapping[Key, Numbers]) -> dict[Key, Estimate]:
    """Wilson's for columns (documents,) of 0 and 1; documents with NaN are left out."""
    return {
        key: wilson(int(np.nansum(column)), int(np.count_nonzero(~np.isnan(column)))) for key, column in columns.items()
    }


def t_interval(values: Sequence[float]) -> Estimate:
    """Mean over seeds with Student's interval, from three on; with fewer its ends are NaN. NaN are left out.

    It is about other seeds on the same documents, and assumes that seeds spread about normally.
    """
    defined = [value for value in values if not math.isnan(value)]
    count = len(defined)
    mean = math.fsum(defined) / count if count else math.nan
    if count < SEEDS_FOR_AN_INTERVAL:
        return Estimate(mean, math.nan, math.nan, count)
    spread = math.sqrt(math.fsum((value - mean) ** 2 for value in defined) / (count - 1))
    reach = float(stdtrit(count - 1, (1 + LEVEL) / 2)) * spread / math.sqrt(count)
    return Estimate(mean, mean - reach, mean + reach, count)
