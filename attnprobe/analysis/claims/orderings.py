"""Claims on whole orderings, M1 to M4 and M7, and how far each ordering is from the smallest set, O1."""

from __future__ import annotations

import numpy as np

from attnprobe.analysis.bootstrap import Numbers, means, medians
from attnprobe.analysis.claims.evidence import Evidence, p_value_of
from attnprobe.analysis.claims.judgement import FAILS, HOLDS, NOT_INFORMATIVE, UNDECIDED, Judgement, above
from attnprobe.analysis.first_flips import first_flip_statistics
from attnprobe.analysis.results import ATTENTION, NO_SMALLEST_SET, ORACLE, RANDOM, REFERENCES
from attnprobe.analysis.thresholds import LARGE_FRACTION, LARGE_NUMBER, TIMES_AS_OFTEN

GRADIENT, PRODUCT = "gradient", "gradient_attention"


def attention_before_random(evidence: Evidence) -> Judgement:
    """M1: share of documents that attention flips strictly earlier than a random order, less the share later."""
    return _leads(evidence, ATTENTION, RANDOM)


def gradient_before_attention(evidence: Evidence) -> Judgement:
    """M2: share that gradient flips strictly earlier, less 1.6 times the share that attention does."""
    shares = evidence.shares(GRADIENT, ATTENTION)
    difference = shares["first_earlier"] - TIMES_AS_OFTEN * shares["second_earlier"]
    estimate = means({"difference": _of_flipped(difference, shares)})["difference"]
    often = means({name: _of_flipped(shares[name], shares) for name in ("first_earlier", "second_earlier")})
    note = f"gradient earlier in {often['first_earlier'].value:.1%}, attention in {often['second_earlier'].value:.1%}"
    p_value = p_value_of(shares["first_earlier"] - shares["second_earlier"])
    return Judgement(above(estimate, 0.0), estimate, 0.0, _left_out(evidence, shares), note, p_value)


def product_before_gradient(evidence: Evidence) -> Judgement:
    """M3: share that gradient × attention flips strictly earlier than gradient, less the share later."""
    return _leads(evidence, PRODUCT, GRADIENT)


def large_fractions_needed(evidence: Evidence) -> Judgement:
    """M4: median fraction that attention erases at the first flip, never-flips counting as everything."""
    fraction = evidence.results.first_flips[ATTENTION].fraction
    estimate = medians({"fraction": np.where(np.isnan(fraction), 1.0, fraction)})["fraction"]
    return Judgement(above(estimate, LARGE_FRACTION), estimate, LARGE_FRACTION, evidence.left_out)


def even_the_earliest_is_large(evidence: Evidence) -> Judgement:
    """M7: where no ordering flips earlier than attention: is its median above .1 of the items, or above 10 of them?"""
    flips = evidence.results.first_flips
    rivals = [flip.removed for name, flip in flips.items() if name not in (ATTENTION, *REFERENCES)]
    removed = flips[ATTENTION].removed[:, 0]
    earliest = np.isfinite(removed)
    for rival in rivals:
        earliest &= ~(rival < removed[:, None]).any(axis=1)
    columns = {"fraction": flips[ATTENTION].fraction, "number": flips[ATTENTION].removed}
    estimates = medians({name: np.where(earliest[:, None], column, np.nan) for name, column in columns.items()})
    fraction, number = estimates["fraction"], estimates["number"]
    others = f"{len(removed) - fraction.n:,} in which another ordering is earlier or attention never flips"
    left_out = ", ".join(filter(None, [evidence.not_looked_at, others]))
    if not fraction.n:
        return Judgement(NOT_INFORMATIVE, fraction, LARGE_FRACTION, left_out)
    either = {above(fraction, LARGE_FRACTION), above(number, LARGE_NUMBER)}
    verdict = HOLDS if HOLDS in either else UNDECIDED if UNDECIDED in either else FAILS
    note = f"median number erased {number.value:g} [{number.low:g}, {number.high:g}]"
    return Judgement(verdict, fraction, LARGE_FRACTION, left_out, note)


def distance_from_the_smallest_set(evidence: Evidence) -> Judgement:
    """O1: how many times as much attention erases as the smallest set that flips, over the same documents."""
    statistics = first_flip_statistics(evidence.results)
    estimate = statistics[ATTENTION].fraction_ratio_to_oracle
    if ORACLE not in statistics:
        return Judgement(NOT_INFORMATIVE, estimate, 1.0, evidence.left_out, NO_SMALLEST_SET)
    others = [
        f"{name} {row.fraction_ratio_to_oracle.value:.2f}"
        for name, row in statistics.items()
        if name not in (ATTENTION, ORACLE)
    ]
    never = f"{len(evidence.results.several) - estimate.n:,} that never flip under some ordering"
    left_out = ", ".join(filter(None, [evidence.not_looked_at, never]))
    return Judgement(above(estimate, 1.0), estimate, 1.0, left_out, "; ".join(others))


def _leads(evidence: Evidence, first: str, second: str) -> Judgement:
    shares = evidence.shares(first, second)
    lead = shares["first_earlier"] - shares["second_earlier"]
    estimate = means({"lead": _of_flipped(lead, shares)})["lead"]
    return Judgement(above(estimate, 0.0), estimate, 0.0, _left_out(evidence, shares), p_value=p_value_of(lead))


def _of_flipped(column: Numbers, shares: dict[str, Numbers]) -> Numbers:
    """NaN for documents that flip under neither ordering, in no draw."""
    return np.where(shares["neither"] == 1, np.nan, column)


def _left_out(evidence: Evidence, shares: dict[str, Numbers]) -> str:
    never = int((shares["neither"] == 1).sum())
    return ", ".join(filter(None, [evidence.left_out, f"{never:,} that never flip under either" if never else ""]))
