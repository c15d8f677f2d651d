"""How faithful each ordering is by its curves: areas over documents, with intervals, and as shares of what can be.

AOPC is of a model and a document; what share it is of what any ordering of the document reaches can be compared. The
limits are intervals that are certain to hold the exact ones, so that a share lies between two as well. Where a limit is
only attained, its other end infinite, nothing is certain of a share but that it is one; it is then told of what is
attained, by whichever ordering.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from attnprobe.analysis.bootstrap import Estimate, Numbers, means, ratios
from attnprobe.analysis.results import RunResults
from attnprobe.analysis.whole_curves import Areas, WholeCurves, areas, log_odds
from attnprobe.erasure.curve_names import LIMIT, LIMIT_ENDS, SCORES
from attnprobe.erasure.registered_orderings import RANDOM

_EQUAL = 1e-9
"""Ends that differ by less, relative to the larger or to 1, differ by rounding."""


class CurveStatistics(NamedTuple):
    """Of one ordering and score, over documents; draws are averaged within a document.

    Attributes:
        comprehensiveness, sufficiency: AOPC, the mean over every number of items of the fall of the score without the
            first items, and with these alone.
        comprehensiveness_eraser, sufficiency_eraser: the same of 1, 5, 10, 20 and 50 % of the items.
        symmetric_relevance_gain: the mean score as the last items go first less that as the first do.
        area_against_random: area between the curve of random orderings and this one, as a share of that between
            random's and where everything is erased; a ratio of means over documents.
        normalised: where comprehensiveness lies between the least, 0, and the most, 1, that any ordering reaches: the
            middle of what is certain, or where it lies between what is attained. Of the documents whose limits were
            found and are not equal.
        normalised_least, normalised_most: what it is at least and at most, as far as the limits are known.
    """

    comprehensiveness: Estimate
    sufficiency: Estimate
    comprehensiveness_eraser: Estimate
    sufficiency_eraser: Estimate
    symmetric_relevance_gain: Estimate
    area_against_random: Estimate
    normalised: Estimate
    normalised_least: Estimate
    normalised_most: Estimate


class LimitCounts(NamedTuple):
    """What is known of the limits of a score.

    Attributes:
        documents: of how many they were found.
        equal: in how many of these every ordering has the same AOPC, so that there is no share.
        exact: of the others, in how many both limits are exact but for rounding.
        between: in how many one is only certain to lie between two ends.
        attained: in how many one is attained, and it is not known what is beyond.
        widest: the widest of the certain intervals; 0 where there are none.
        least, most: means of the middles of both limits, or of what is attained.
    """

    documents: int
    equal: int
    exact: int
    between: int
    attained: int
    widest: float
    least: Estimate
    most: Estimate


def curve_statistics(results: RunResults) -> dict[str, Any] | None:
    """``documents``, ``orderings`` (name → ``log_odds`` and score → ``CurveStatistics``) and ``limits`` by score.

    Raises:
        InputError: the table of curves cannot be read, or is not whole.
    """
    curves = WholeCurves.of(results)
    if curves is None:
        return None
    places = curves.of_orderings()
    columns: dict[tuple[str, str, str], Numbers] = {}
    against: dict[tuple[str, str], tuple[Numbers, Numbers]] = {}
    counts: dict[str, LimitCounts] = {}
    for score in SCORES:
        of_score = areas(curves, score)
        limits = limits_of(results, curves, score)
        if limits is not None:
            counts[score] = _counts(limits)
        for name, where in places.items():
            for field in Areas._fields[:5]:
                columns[name, score, field] = _over_draws(getattr(of_score, field), where)
            if RANDOM in places:
                against[name, score] = _against_random(of_score, where, places[RANDOM])
            if limits is not None:
                reached = of_score.comprehensiveness
                least, most = shares_between(reached[:, where], limits)
                attained = _shares_of_attained(reached[:, where], reached, limits)
                columns[name, score, "normalised_least"] = least
                columns[name, score, "normalised_most"] = most
                columns[name, score, "normalised"] = np.where(_endless(limits), attained, (least + most) / 2)
    falls = log_odds(curves)
    columns |= {(name, "", "log_odds"): _over_draws(falls, where) for name, where in places.items()}
    estimates, shares = means(columns), ratios(against)
    nothing = Estimate(np.nan, np.nan, np.nan, 0)

    def statistics(name: str, score: str) -> CurveStatistics:
        found = {field: estimates.get((name, score, field), nothing) for field in CurveStatistics._fields}
        return CurveStatistics(**found | {"area_against_random": shares.get((name, score), nothing)})

    return {
        "documents": len(curves.documents),
        "orderings": {
            name: {
                "log_odds": estimates[name, "", "log_odds"],
                **{score: statistics(name, score) for score in SCORES},
            }
            for name in places
        },
        "limits": counts,
    }


def _over_draws(values: Numbers, places: list[int]) -> Numbers:
    mean: Numbers = values[:, places].mean(axis=1)
    return mean


def _against_random(of_score: Areas, places: list[int], at_random: list[int]) -> tuple[Numbers, Numbers]:
    """Area between the curve of random orderings and another's, and the whole area under the first (documents,)."""
    random = _over_draws(of_score.under_curve, at_random)
    between = random - _over_draws(of_score.under_curve, places)
    whole = random - of_score.when_empty[:, 0]
    known = ~np.isnan(whole)
    return np.where(known, between, 0.0), np.where(known, whole, 0.0)


def limits_of(results: RunResults, curves: WholeCurves, score: str) -> Numbers | None:
    """Ends of the limits of documents with curves (documents, 4), NaN where none were found; None: of no document."""
    names = [f"{LIMIT}{score}_{end}" for end in LIMIT_ENDS]
    if any(name not in results.several for name in names):
        return None
    ends = results.several[names].to_numpy(dtype=np.float64, na_value=np.nan)[curves.documents]
    return None if np.isnan(ends).all() else ends


def _equal(first: Numbers, second: Numbers) -> npt.NDArray[np.bool_]:
    scale = np.maximum(np.maximum(np.abs(first), np.abs(second)), 1.0)
    equal: npt.NDArray[np.bool_] = np.abs(second - first) <= _EQUAL * scale
    return equal


def shares_between(aopc: Numbers, limits: Numbers) -> tuple[Numbers, Numbers]:
    """What share of the way from the least to the most an AOPC (documents, draws) is, at least and at most.

    Means over draws (documents,); NaN where all orderings have the same. As ``normalised_aopc`` has it for tensors.
    """
    lowest, attained_lowest, attained_highest, highest = (limits[:, [end]] for end in range(4))
    # An ordering is itself among those that the limits are of.
    attained_lowest, attained_highest = np.minimum(attained_lowest, aopc), np.maximum(attained_highest, aopc)
    endless = np.isinf(lowest) | np.isinf(highest)
    lowest, highest = np.where(endless, attained_lowest, lowest), np.where(endless, attained_highest, highest)
    least = np.where(endless, 0.0, _share(aopc, attained_lowest, highest, 0.0))
    most = np.where(endless, 1.0, _share(aopc, lowest, attained_highest, 1.0))
    undefined = (_equal(lowest, highest) & ~endless) | np.isnan(lowest)
    low, high = (np.where(undefined, np.nan, np.clip(each, 0.0, 1.0)).mean(axis=1) for each in (least, most))
    return low, high


def _shares_of_attained(aopc: Numbers, reached: Numbers, limits: Numbers) -> Numbers:
    """What share of the way between what orderings are known to reach an AOPC (documents, draws) is (documents,).

    Means over draws; NaN where all reach the same.

    Args:
        aopc: of the ordering.
        reached: of all orderings (documents, orderings), which are among those that the limits are of.
        limits: ends of the limits (documents, 4).
    """
    lowest = np.minimum(limits[:, 1], reached.min(axis=1))[:, None]
    highest = np.maximum(limits[:, 2], reached.max(axis=1))[:, None]
    share = np.where(_equal(lowest, highest), np.nan, _share(aopc, lowest, highest, np.nan))
    return np.asarray(share.mean(axis=1))


def _endless(limits: Numbers) -> npt.NDArray[np.bool_]:
    """Whether it is not known of a limit what is beyond (documents,)."""
    return np.asarray(np.isinf(limits).any(axis=1))


def _share(aopc: Numbers, lower: Numbers, upper: Numbers, otherwise: float) -> Numbers:
    width = upper - lower
    share: Numbers = np.where(width > 0, (aopc - lower) / np.where(width > 0, width, 1.0), otherwise)
    return share


def _counts(limits: Numbers) -> LimitCounts:
    found = limits[~np.isnan(limits).any(axis=1)]
    endless = _endless(found)
    certain = np.where(endless[:, None], found[:, [1, 1, 2, 2]], found)  # where nothing is, what is attained
    equal = _equal(certain[:, 0], certain[:, 3]) & ~endless
    exact = _equal(certain[:, 0], certain[:, 1]) & _equal(certain[:, 2], certain[:, 3]) & ~endless
    middles = means({"least": certain[:, :2].mean(axis=1), "most": certain[:, 2:].mean(axis=1)})
    return LimitCounts(
        len(found),
        int(equal.sum()),
        int((exact & ~equal).sum()),
        int((~exact & ~equal & ~endless).sum()),
        int(endless.sum()),
        float(np.maximum(certain[:, 1] - certain[:, 0], certain[:, 3] - certain[:, 2]).max()),
        middles["least"],
        middles["most"],
    )
