"""How much attention weight each ordering has erased when the decision first flips; ``mass_boxes`` has its boxes.

Never-flips have no mass. Their share stands beside each mean, and ``restricted_means`` has them counted in.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from attnprobe.analysis.bootstrap import Estimate, means, medians
from attnprobe.analysis.first_flips import with_ascending
from attnprobe.analysis.results import ORACLE, RunResults


class MassStatistics(NamedTuple):
    """Attention weight erased at the first flip; the draws of a random ordering are pooled.

    Attributes:
        mean: over the documents that flip.
        median: the same, median.
        paired_mean: over the documents that flip under every ordering and draw, ascending order among them.
        oracle_difference: ``paired_mean`` minus that of the smallest set, which is the smallest in items and not in
            mass, so that it can be negative; NaN without that.
    """

    mean: Estimate
    median: Estimate
    paired_mean: Estimate
    oracle_difference: Estimate


def mass_statistics(results: RunResults) -> dict[str, MassStatistics]:
    """By ordering, in order of display, attention in ascending order last."""
    flips = with_ascending(results)
    always = np.all([~np.isnan(flip.mass).any(axis=1) for flip in flips.values()], axis=0)
    paired = {name: np.where(always, flip.mass.mean(axis=1), np.nan) for name, flip in flips.items()}
    oracle = paired.get(ORACLE, np.full(len(always), np.nan))
    averages = means(
        {(name, "mean"): flip.mass for name, flip in flips.items()}
        | {(name, "paired_mean"): column for name, column in paired.items()}
        | {(name, "oracle_difference"): column - oracle for name, column in paired.items()}
    )
    middles = medians({name: flip.mass for name, flip in flips.items()})
    return {
        name: MassStatistics(
            mean=averages[name, "mean"],
            median=middles[name],
            paired_mean=averages[name, "paired_mean"],
            oracle_difference=averages[name, "oracle_difference"],
        )
        for name in flips
    }
