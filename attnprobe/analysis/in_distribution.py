"""Whether first flips happen inside of what the model was trained on, by the p-value of what attention then pools."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from attnprobe.analysis.bootstrap import Estimate, Numbers, means, pooled
from attnprobe.analysis.first_flips import with_controls
from attnprobe.analysis.intervals import average_shares, binary_shares
from attnprobe.analysis.restricted_means import restricted
from attnprobe.analysis.results import RunResults
from attnprobe.erasure.state_names import FLIP_P, OUTSIDE, REMOVED_INSIDE, STATE_P


class InsideFlips(NamedTuple):
    """Of one ordering, over documents of several items; draws of a random ordering are averaged.

    Attributes:
        outside: of its first flips while something is left, the share with p < ``OUTSIDE``. What follows is not known
            of smallest sets and greedy orders, which end at the flip.
        inside: share of the documents that some prefix flips with p ≥ ``OUTSIDE``, something being left.
        restricted_mean: mean share of the items that the first such prefix erases; 1 where there is none.
        later: the same less the restricted mean of first flips of any p, paired by document.
    """

    outside: Estimate
    inside: Estimate
    restricted_mean: Estimate
    later: Estimate


class InDistribution(NamedTuple):
    """What is inside of what the model was trained on.

    Attributes:
        unerased: the share of whole documents with p < ``OUTSIDE``, which is about that where they are like those of
            the development split.
        orderings: by name, in order of display, controls last.
    """

    unerased: Estimate
    orderings: dict[str, InsideFlips]


def in_distribution(results: RunResults) -> InDistribution | None:
    """What is inside, with intervals; None where the run does not know it."""
    if STATE_P not in results.several or FLIP_P not in results.erasures or results.several[STATE_P].isna().all():
        return None
    sizes = results.several["n"].to_numpy(dtype=np.float64)[:, None]
    flips = with_controls(results)
    averages: dict[tuple[str, str], Numbers] = {}
    shares, yes_no = dict[tuple[str, str], tuple[Numbers, Numbers]](), dict[tuple[str, str], Numbers]()
    for name, flip in flips.items():
        p = results.at_first_flip(name, FLIP_P)
        removed = results.of_erasures(name, REMOVED_INSIDE)
        inside = np.where(np.isnan(removed), np.nan, removed > 0)
        fraction = np.where(inside == 0, 1.0, removed / sizes).mean(axis=1)
        averages |= {(name, "restricted_mean"): fraction, (name, "later"): fraction - restricted(flip)["fraction"]}
        for what, values in {"outside": np.where(np.isnan(p), np.nan, p < OUTSIDE), "inside": inside}.items():
            if values.shape[1] == 1:
                yes_no[name, what] = values[:, 0]
            else:
                shares[name, what] = pooled(values)
    estimates = means(averages) | average_shares(shares) | binary_shares(yes_no)
    own = results.several[STATE_P].to_numpy(dtype=np.float64)
    return InDistribution(
        binary_shares({STATE_P: np.where(np.isnan(own), np.nan, own < OUTSIDE)})[STATE_P],
        {name: InsideFlips(*(estimates[name, field] for field in InsideFlips._fields)) for name in flips},
    )
