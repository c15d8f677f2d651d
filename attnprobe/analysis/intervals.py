"""Intervals that need no resampling: Wilson's for shares of a plain yes or no, Student's for a few seeds.

Wilson's (1927) is used where the outcome of a document is yes or no: accuracy, whether erasing i* flips, never flips of
an ordering that is not random, cells of 2×2 tables of two such outcomes. Averages of shares (over r, over random
draws), means and ratios have the bootstrap's (``bootstrap``).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

import numpy as np
from scipy.special import ndtri, stdtrit

from attnprobe.analysis.bootstrap import LEVEL, Estimate, Numbers

Key = TypeVar("Key", bound=Hashable)

SEEDS_FOR_AN_INTERVAL = 3


def wilson(successes: int, n: int) -> Estimate:
    """A share and its score interval: all p with |k/n − p| ≤ z √(p (1 − p) / n); never of zero width.

    Args:
        successes: how many of the documents.
        n: how many documents; of none the share is NaN.
    """
    if n == 0:
        return Estimate(math.nan, math.nan, math.nan, 0)
    z = float(ndtri((1 + LEVEL) / 2))
    share = successes / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    reach = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # At 0 and at n the formula's end is the share itself, which rounding must not miss.
    low = 0.0 if successes == 0 else max(0.0, middle - reach)
    high = 1.0 if successes == n else min(1.0, middle + reach)
    return Estimate(share, low, high, int(n))


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
