"""How much each ordering must erase before the decision flips (Serrano & Smith 2019, figures 5 and 6).

Documents that never flip have no fraction. Leaving them out flatters an ordering that fails on the hard documents, so
their share stands beside every mean, and a second mean is over the documents that flip under every ordering.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from attnprobe.analysis.bootstrap import Estimate, Numbers, Ratio, medians, pooled, ratios
from attnprobe.analysis.intervals import binary_shares
from attnprobe.analysis.results import ASCENDING, GREEDY, ORACLE, FirstFlips, RunResults

GRID: Numbers = np.arange(101) / 100
"""Fractions erased at which flip curves are read."""


class OrderingStatistics(NamedTuple):
    """What erasing in one ordering takes; the draws of a random ordering are pooled.

    Attributes:
        mean_fraction: fraction of the items erased at the first flip, over the documents that flip.
        median_fraction: the same, median.
        mean_removed: number of items erased at the first flip, over the documents that flip.
        mean_mass: attention weight erased at the first flip, over the documents that flip.
        never_share: share of the documents that never flip, not even with everything erased.
        paired_fraction: ``mean_fraction`` over the documents that flip under every ordering and draw.
        ratio_to_oracle: ``paired_fraction`` by that of the smallest set; NaN where that is not among the results.
        ratio_to_greedy: the same by that of erasing greedily.
    """

    mean_fraction: Estimate
    median_fraction: Estimate
    mean_removed: Estimate
    mean_mass: Estimate
    never_share: Estimate
    paired_fraction: Estimate
    ratio_to_oracle: Estimate
    ratio_to_greedy: Estimate


def first_flip_statistics(results: RunResults) -> dict[str, OrderingStatistics]:
    """Statistics by ordering, in order of display, with intervals."""
    return statistics_of(results.first_flips)


def with_ascending(results: RunResults) -> dict[str, FirstFlips]:
    """First flips by ordering, attention in ascending order among them, and last, where there are results of it."""
    present = (results.erasures["ordering"] == ASCENDING).any()
    return results.first_flips | ({ASCENDING: results.flips_of(ASCENDING)} if present else {})


def ascending_statistics(results: RunResults) -> OrderingStatistics | None:
    """Attention in ascending order, a reference; None where the run has no results of it.

    Its paired documents are those that flip under every ordering, and in ascending order too. ``ordering_tests`` has
    its comparisons with random and attention.
    """
    flips = with_ascending(results)
    return statistics_of(flips, [ASCENDING])[ASCENDING] if ASCENDING in flips else None


def statistics_of(flips: Mapping[str, FirstFlips], names: Sequence[str] | None = None) -> dict[str, OrderingStatistics]:
    """Statistics by ordering, with intervals; of whether an ordering without chance in it never flips, Wilson's.

    Args:
        flips: by ordering, of the same documents; those that flip under each of them are the paired ones.
        names: the orderings to give statistics of; by default all.
    """
    paired = _fractions_of_documents_that_always_flip(flips)
    flips = {name: flips[name] for name in names or flips}
    columns: dict[tuple[str, str], Ratio] = {}
    never = {name: np.isnan(flip.removed).astype(np.float64) for name, flip in flips.items()}
    for name, flip in flips.items():
        columns[name, "mean_fraction"] = pooled(flip.fraction)
        columns[name, "mean_removed"] = pooled(flip.removed)
        columns[name, "mean_mass"] = pooled(flip.mass)
        columns[name, "never_share"] = pooled(never[name])
        columns[name, "paired_fraction"] = pooled(paired[name])
        for field, reference in (("ratio_to_oracle", ORACLE), ("ratio_to_greedy", GREEDY)):
            needed = paired.get(reference, np.full_like(paired[name], np.nan))
            columns[name, field] = np.nan_to_num(paired[name]), np.nan_to_num(needed)
    certain = {(name, "never_share"): column[:, 0] for name, column in never.items() if column.shape[1] == 1}
    estimates = ratios(columns) | binary_shares(certain)
    middles = medians({name: flip.fraction for name, flip in flips.items()})
    return {
        name: OrderingStatistics(
            median_fraction=middles[name],
            **{field: estimates[name, field] for field in OrderingStatistics._fields if (name, field) in columns},
        )
        for name in flips
    }


def _fractions_of_documents_that_always_flip(flips: Mapping[str, FirstFlips]) -> dict[str, Numbers]:
    """Fraction by ordering (documents,), mean over draws; NaN for a document that never flips in one of them."""
    always = np.all([~np.isnan(flip.removed).any(axis=1) for flip in flips.values()], axis=0)
    return {name: np.where(always, flip.fraction.mean(axis=1), np.nan) for name, flip in flips.items()}


class FractionBox(NamedTuple):
    """What a box plot shows of the fractions erased at the first flip, over the documents (and draws) that flip.

    Attributes:
        low, high: 5 % and 95 % quantiles.
        lower, median, upper: quartiles.
        mean: mean.
        documents: how many documents flip, in one draw at least.
        never_share: share of documents (and draws) that never flip.
    """

    low: float
    lower: float
    median: float
    upper: float
    high: float
    mean: float
    documents: int
    never_share: float


def fraction_boxes(results: RunResults) -> dict[str, FractionBox]:
    """Box statistics by ordering, in order of display; NaN where nothing flips."""
    return {name: box_of(flip.fraction) for name, flip in results.first_flips.items()}


def box_of(values: Numbers) -> FractionBox:
    """Box statistics of one ordering's fractions, or masses, (documents, draws), NaN for never."""
    never = np.isnan(values)
    flipped = values[~never]
    low, lower, median, upper, high, mean = [float("nan")] * 6
    if len(flipped):
        low, lower, median, upper, high = np.quantile(flipped, (0.05, 0.25, 0.5, 0.75, 0.95)).tolist()
        mean = float(flipped.mean())
    documents = int(np.count_nonzero(~never.all(axis=1)))
    return FractionBox(low, lower, median, upper, high, mean, documents, float(never.mean()))


def flip_curves(results: RunResults, fractions: Numbers = GRID) -> dict[str, Numbers]:
    """Share of the documents flipped once each of the fractions is erased, by ordering.

    Documents that never flip are in the denominator, so that a curve ends at one minus their share; the draws of a
    random ordering are averaged.
    """
    curves = {}
    for name, flip in results.first_flips.items():
        flipped = np.sort(flip.fraction[~np.isnan(flip.fraction)])
        # A fraction k/n must not miss its own place on the grid by rounding.
        curves[name] = np.searchsorted(flipped, fractions + 1e-12, side="right") / flip.fraction.size
    return curves
