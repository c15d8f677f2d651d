"""How much each ordering must erase before the decision flips (Serrano & Smith 2019, figures 5 and 6).

A document's decision flips while something is left, or changes only when nothing is left (*emptied*: the readout's bias
decides, and no weight), or never changes. Only the first has a fraction. What compares orderings is over *all*
documents: the restricted mean, in which the other two outcomes count as everything erased, and the share that has
flipped by a given fraction. Means over the documents that flip select by outcome, and flatter an ordering that fails on
the hard ones; they stand beside these, and a second one is over the documents that flip under every ordering.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from attnprobe.analysis.bootstrap import Estimate, Numbers, Ratio, medians, pooled, ratios
from attnprobe.analysis.intervals import average_shares, binary_shares
from attnprobe.analysis.results import FirstFlips, RunResults
from attnprobe.erasure.registered_orderings import ATTENTION, PAPER, Role

GRID: Numbers = np.arange(101) / 100
"""Fractions erased at which flip curves are read."""

FRACTIONS = {"flipped_at_10": 0.10, "flipped_at_25": 0.25, "flipped_at_50": 0.50}
"""Fractions erased by which the share of flipped documents is told."""

RATIOS = ("fraction", "removed")
"""What an ordering erases at the first flip, by what a reference does."""

OUTCOMES = ("flipped_share", "emptied_share", "never_share")

ALL = 1e-12
"""A fraction k/n must not miss a threshold by rounding."""


class OrderingStatistics(NamedTuple):
    """What erasing in one ordering does; the draws of a random ordering are averaged within a document.

    Over all documents with n > 1:

    Attributes:
        flipped_share, emptied_share, never_share: shares in which the decision flips while something is left, changes
            only when nothing is, never changes; they add up to one.
        restricted_mean: mean fraction of the items erased at the first flip, the other two outcomes counting as 1.
        flipped_at_10, flipped_at_25, flipped_at_50: shares flipped with at most that percentage of the items erased.
        restricted_mean_lead, flipped_at_10_lead, …: the same less attention's, paired by document.

    Over the documents that flip while something is left, which the ordering itself selects:

    Attributes:
        mean_fraction: fraction of the items erased at the first flip.
        median_fraction: the same, median.
        mean_removed: number of items erased at the first flip.
        mean_mass: attention weight erased at the first flip.

    Over the documents that flip so under each of the paper's orderings, in every draw, and under this one:

    Attributes:
        paired_fraction: mean fraction of the items erased at the first flip.
        fraction_ratio_to: by reference that there are results of, the mean fraction by that of the reference, over
            those of these documents that the reference flips too.
        removed_ratio_to: the same of all items erased, a ratio of numbers of items.
    """

    flipped_share: Estimate
    emptied_share: Estimate
    never_share: Estimate
    restricted_mean: Estimate
    flipped_at_10: Estimate
    flipped_at_25: Estimate
    flipped_at_50: Estimate
    restricted_mean_lead: Estimate
    flipped_at_10_lead: Estimate
    flipped_at_25_lead: Estimate
    flipped_at_50_lead: Estimate
    mean_fraction: Estimate
    median_fraction: Estimate
    mean_removed: Estimate
    mean_mass: Estimate
    paired_fraction: Estimate
    fraction_ratio_to: dict[str, Estimate]
    removed_ratio_to: dict[str, Estimate]


def first_flip_statistics(results: RunResults, *, as_released: bool = False) -> dict[str, OrderingStatistics]:
    """Statistics by ordering, in order of display, with intervals.

    Args:
        results: of a run.
        as_released: count a decision that changes only when nothing is left as a flip, as the code of 2019 did.
    """
    results = results.as_released() if as_released else results
    return statistics_of(results.first_flips, references=results.of_role(Role.REFERENCE))


def first_flips_as_released(results: RunResults) -> dict[str, OrderingStatistics]:
    """The same as the code of 2019 counts."""
    return first_flip_statistics(results, as_released=True)


def with_controls(results: RunResults) -> dict[str, FirstFlips]:
    """First flips by ordering, the controls among them, and last."""
    return results.first_flips | {name: results.flips_of(name) for name in results.of_role(Role.CONTROL)}


def control_statistics(results: RunResults) -> dict[str, OrderingStatistics]:
    """Of each control that the run has results of; ``ordering_tests`` has them against random and attention."""
    flips, names = with_controls(results), results.of_role(Role.CONTROL)
    return statistics_of(flips, names, references=results.of_role(Role.REFERENCE))


def paired_documents(flips: Mapping[str, FirstFlips], *further: str) -> npt.NDArray[np.bool_]:
    """Which documents (documents,) flip while something is left in every draw of the paper's orderings and of further.

    Of the paper's alone, whatever else was tried: so no ordering chooses the documents of another.
    """
    names = dict.fromkeys((*(name for name in PAPER if name in flips), *further))
    return np.asarray(np.all([~np.isnan(flips[name].removed).any(axis=1) for name in names], axis=0))


def statistics_of(
    flips: Mapping[str, FirstFlips], names: Sequence[str] | None = None, references: Sequence[str] = ()
) -> dict[str, OrderingStatistics]:
    """Statistics by ordering, with intervals; those of a plain yes or no have Wilson's.

    Args:
        flips: by ordering, of the same documents, attention among them.
        names: the orderings to give statistics of; by default all.
        references: the orderings that the others are held against.
    """
    of_all = {name: over_all_documents(flip) for name, flip in flips.items()}
    columns: dict[tuple[str, str], Ratio] = {}
    averaged: dict[tuple[str, str], Ratio] = {}
    certain: dict[tuple[str, str], Numbers] = {}
    chosen = {name: flips[name] for name in (flips if names is None else names)}
    for name, flip in chosen.items():
        columns |= {(name, f"mean_{field}"): pooled(getattr(flip, field)) for field in ("fraction", "removed", "mass")}
        for field, column in of_all[name].items():
            if field == "restricted_mean":
                columns[name, field] = pooled(column)
            elif flip.removed.shape[1] == 1:
                certain[name, field] = column
            else:
                averaged[name, field] = pooled(column)
            if field not in OUTCOMES:
                columns[name, f"{field}_lead"] = pooled(column - of_all[ATTENTION][field])
        always = paired_documents(flips, name)
        columns[name, "paired_fraction"] = _means_among(always, flip.fraction), always.astype(np.float64)
        for reference in references:
            both = paired_documents(flips, name, reference)
            for field in RATIOS:
                above, below = (_means_among(both, getattr(flips[one], field)) for one in (name, reference))
                columns[name, f"{field}_ratio_to {reference}"] = above, below
    estimates = ratios(columns) | average_shares(averaged) | binary_shares(certain)
    middles = medians({name: flip.fraction for name, flip in chosen.items()})
    statistics = {}
    for name in chosen:
        fields: dict[str, Any] = {field: estimates.get((name, field)) for field in OrderingStatistics._fields}
        fields["median_fraction"] = middles[name]
        for field in RATIOS:
            by_reference = {reference: estimates[name, f"{field}_ratio_to {reference}"] for reference in references}
            fields[f"{field}_ratio_to"] = by_reference
        statistics[name] = OrderingStatistics(**fields)
    return statistics


def _means_among(documents: npt.NDArray[np.bool_], values: Numbers) -> Numbers:
    """Means over the draws (documents,) of values (documents, draws), zero in other documents."""
    return np.where(documents, values.mean(axis=1), 0.0)


def over_all_documents(flip: FirstFlips) -> dict[str, Numbers]:
    """What every document has a number of (documents,), averaged over the draws: outcomes, and fractions erased."""
    fraction = np.where(np.isnan(flip.removed), 1.0, flip.fraction)
    flipped = ~np.isnan(flip.removed)
    columns = {
        "flipped_share": flipped,
        "emptied_share": flip.emptied,
        "never_share": flip.never,
        "restricted_mean": fraction,
        **{name: flipped & (fraction <= end + ALL) for name, end in FRACTIONS.items()},
    }
    return {name: column.astype(np.float64).mean(axis=1) for name, column in columns.items()}


class FractionBox(NamedTuple):
    """What a box plot shows of the fractions erased at the first flip, over the documents (and draws) that flip.

    Attributes:
        low, high: 5 % and 95 % quantiles.
        lower, median, upper: quartiles.
        mean: mean.
        documents: how many documents flip while something is left, in one draw at least.
        emptied_share, never_share: shares of documents (and draws) that change only when nothing is left, and never.
    """

    low: float
    lower: float
    median: float
    upper: float
    high: float
    mean: float
    documents: int
    emptied_share: float
    never_share: float


def fraction_boxes(results: RunResults) -> dict[str, FractionBox]:
    """Box statistics by ordering, in order of display; NaN where nothing flips."""
    return {name: box_of(flip.fraction, flip) for name, flip in results.first_flips.items()}


def box_of(values: Numbers, flip: FirstFlips) -> FractionBox:
    """Box statistics of one ordering's fractions, or masses, (documents, draws), NaN where nothing flips."""
    none = np.isnan(values)
    flipped = values[~none]
    low, lower, median, upper, high, mean = [float("nan")] * 6
    if len(flipped):
        low, lower, median, upper, high = np.quantile(flipped, (0.05, 0.25, 0.5, 0.75, 0.95)).tolist()
        mean = float(flipped.mean())
    documents = int(np.count_nonzero(~none.all(axis=1)))
    shares = float(flip.emptied.mean()), float(flip.never.mean())
    return FractionBox(low, lower, median, upper, high, mean, documents, *shares)


def flip_curves_on_grid(results: RunResults) -> dict[str, Numbers]:
    """``fraction``, and by ordering the share of documents flipped by then."""
    return {"fraction": GRID} | flip_curves(results)


def flip_curves(results: RunResults, fractions: Numbers = GRID) -> dict[str, Numbers]:
    """Share of the documents flipped once each of the fractions is erased, by ordering.

    All documents are in the denominator, so that a curve ends at the share that flips while something is left; the
    draws of a random ordering are averaged.
    """
    curves = {}
    for name, flip in results.first_flips.items():
        flipped = np.sort(flip.fraction[~np.isnan(flip.fraction)])
        curves[name] = np.searchsorted(flipped, fractions + ALL, side="right") / flip.fraction.size
    return curves
