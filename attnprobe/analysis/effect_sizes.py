"""How large a paired difference is, beside whether there is one."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from attnprobe.analysis.bootstrap import Estimate, Numbers, means
from attnprobe.analysis.intervals import wilson


def discordant_odds(first: int, second: int) -> Estimate:
    """Odds that a document in which the outcomes differ is one of the first: McNemar's odds ratio.

    The value is (first + ½) / (second + ½) (Haldane's and Anscombe's correction), finite with a zero count. The
    interval is Wilson's of first / (first + second), as odds; without a second its upper end is infinite. With neither
    all is NaN.
    """
    if first + second == 0:
        return Estimate(math.nan, math.nan, math.nan, 0)
    share = wilson(first, first + second)
    low, high = (end / (1 - end) if end < 1 else math.inf for end in (share.low, share.high))
    return Estimate((first + 0.5) / (second + 0.5), low, high, share.n)


def lead(first: Numbers, second: Numbers) -> Estimate:
    """Share of documents in which the first is smaller minus that in which it is larger; ties are in the denominator.

    Args:
        first: (documents,), NaN for none.
        second: (documents,), NaN for none.
    """
    direction = (first < second).astype(np.float64) - (first > second)
    return means({"lead": np.where(np.isnan(first) | np.isnan(second), np.nan, direction)})["lead"]


def rank_biserial(differences: Numbers) -> float:
    """Matched-pairs rank-biserial correlation (W₊ − W₋) / (W₊ + W₋) (Kerby 2014), −1 to 1.

    W are Wilcoxon's sums of the ranks of |d|, zeros dropped and ties sharing their mean rank; NaN where all are zero.

    Args:
        differences: (documents,), NaN for none.
    """
    d = differences[~np.isnan(differences) & (differences != 0)]
    ranks = pd.Series(np.abs(d)).rank().to_numpy()
    total = float(ranks.sum())
    return float((np.sign(d) * ranks).sum()) / total if total else math.nan
