"""How much attention weight each ordering has erased when the decision first flips; ``mass_boxes`` has its boxes.

Never-flips have no mass. Their share stands beside each mean, and ``restricted_means`` has them counted in.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from attnprobe.analysis.bootstrap import Estimate, means, medians
from attnprobe.analysis.first_flips import paired_documents, with_controls
from attnprobe.analysis.results import RunResults


class MassStatistics(NamedTuple):
    """Attention weight erased at the first flip; the draws of a random ordering are pooled.

    Attributes:
        mean: over the documents that flip.
        median: the same, median.
        paired_mean: over the documents that flip under each of the paper's orderings, in every draw, and this one.
        oracle_difference: the same minus that of the smallest set, which is the smallest in items and not in
            mass, so that it can be negative; NaN without that.
    """

    mean: Estimate
    median: Estimate
    paired_mean: Estimate
    oracle_difference: Estimate


def mass_statistics(results: RunResults) -> dict[str, MassStatistics]:
    """By ordering, in order of display, controls last."""
    flips = with_controls(results)
    paired = {
        name: np.where(paired_documents(flips, name), flip.mass.mean(axis=1), np.nan) for name, flip in flips.items()
    }
    smallest = results.smallest_sets
    oracle = np.full(len(results.several), np.nan) if smallest is None else paired[smallest]
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
