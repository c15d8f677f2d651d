"""Claims on whole orderings, M1 to M4 and M7, and how far each ordering is from the smallest set, O1."""

from __future__ import annotations

import math

import numpy as np

from attnprobe.analysis.bootstrap import Estimate, Numbers, means, medians
from attnprobe.analysis.first_flips import first_flip_statistics
from attnprobe.analysis.intervals import exact_lead
from attnprobe.analysis.results import NO_SMALLEST_SET
from attnprobe.analysis.significance import binomial_log_p
from attnprobe.analysis.thresholds import FEWEST_DOCUMENTS, LARGE_FRACTION, LARGE_NUMBER, TIMES_AS_OFTEN
from attnprobe.analysis.who_flips_first import is_certain
from attnprobe.erasure.registered_orderings import ATTENTION, PAPER, RANDOM, SMALLEST_SET
from attnprobe.papers.serrano2019.claims.evidence import Evidence, p_value_of
from attnprobe.papers.serrano2019.claims.judgement import (
    FAILS,
    HOLDS,
    IDENTITY,
    NOT_INFORMATIVE,
    UNDECIDED,
    Judgement,
    above,
)

GRADIENT, PRODUCT = "gradient", "gradient_attention"


def attention_before_random(evidence: Evidence) -> Judgement:
    """M1: share of documents that attention flips strictly earlier than a random order, less the share later."""
    return _leads(evidence, ATTENTION, RANDOM)


def gradient_before_attention(evidence: Evidence) -> Judgement:
    """M2: share that gradient flips strictly earlier, less 1.6 times the share that attention does."""
    shares = evidence.shares(GRADIENT, ATTENTION)
    earlier, later, neither = (shares[name] for name in ("first_earlier", "second_earlier", "neither"))
    if is_certain(evidence.results.first_flips, (GRADIENT, ATTENTION)):
        counts = int(earlier.sum()), int(later.sum())
        estimate = exact_lead(*counts, len(neither), TIMES_AS_OFTEN)
        p_value = math.exp(binomial_log_p(*counts, TIMES_AS_OFTEN))
    else:  # averages over what stands in
        differences = earlier - TIMES_AS_OFTEN * later
        estimate, p_value = means({"lead": differences})["lead"], p_value_of(differences)
    said = zip(("gradient earlier in", "attention in", "neither flips in"), (earlier, later, neither), strict=True)
    note = ", ".join(f"{what} {share.mean():.1%}" for what, share in said)
    return Judgement(above(estimate, 0.0), estimate, 0.0, evidence.left_out, note, p_value)


def product_before_gradient(evidence: Evidence) -> Judgement:
    """M3: share that gradient × attention flips strictly earlier than gradient, less the share later."""
    return _leads(evidence, PRODUCT, GRADIENT)


def large_fractions_needed(evidence: Evidence) -> Judgement:
    """M4: median fraction that attention erases at the first flip, over documents of ten items or more.

    Without a flip while something is left a document counts as erased whole; where several vectors stand in, with the
    mean over these.
    """
    fraction = evidence.results.first_flips[ATTENTION].fraction
    fraction = np.where(np.isnan(fraction), 1.0, fraction).mean(axis=1, keepdims=True)
    fraction = np.where(evidence.is_long[:, None], fraction, np.nan)
    estimate = medians({"fraction": fraction})["fraction"]
    left_out = ", ".join(filter(None, [evidence.left_out, evidence.short_ones]))
    judgement = Judgement(above(estimate, LARGE_FRACTION), estimate, LARGE_FRACTION, left_out)
    return _unless_few(judgement)


def even_the_earliest_is_large(evidence: Evidence) -> Judgement:
    """M7: where none of the paper's flips earlier than attention: is its median above .1 of the items, or 10 of them?

    Of documents of ten items or more, in which a single item is never above .1.
    """
    flips = evidence.results.first_flips
    rivals = [flips[name].removed for name in PAPER if name in flips and name != ATTENTION]
    removed, stand_ins = flips[ATTENTION].removed, flips[ATTENTION].stand_ins
    earliest = np.isfinite(removed) & evidence.is_long[:, None]
    for rival in rivals:
        for draw in range(stand_ins):  # the same stands in
            earliest[:, draw] &= ~(rival[:, draw::stand_ins] < removed[:, [draw]]).any(axis=1)
    columns = {"fraction": flips[ATTENTION].fraction, "number": removed}
    estimates = medians({name: _mean_of_draws(np.where(earliest, column, np.nan)) for name, column in columns.items()})
    fraction, number = estimates["fraction"], estimates["number"]
    others = int(np.count_nonzero(evidence.is_long)) - fraction.n
    beaten = f"{others:,} in which another ordering is earlier or attention flips nothing"
    left_out = ", ".join(filter(None, [evidence.left_out, evidence.short_ones, beaten]))
    either = {above(fraction, LARGE_FRACTION), above(number, LARGE_NUMBER)}
    verdict = HOLDS if HOLDS in either else UNDECIDED if UNDECIDED in either else FAILS
    note = f"median number erased {number.value:g} [{number.low:g}, {number.high:g}]" if fraction.n else ""
    return _unless_few(Judgement(verdict, fraction, LARGE_FRACTION, left_out, note))


def _mean_of_draws(column: Numbers) -> Numbers:
    """The mean of a document's draws that are defined (documents, 1), NaN where none is."""
    defined = ~np.isnan(column)
    sums = np.where(defined, column, 0.0).sum(axis=1, keepdims=True)
    count = defined.sum(axis=1, keepdims=True)
    return np.where(count > 0, sums / np.maximum(count, 1), np.nan)


def _unless_few(judgement: Judgement) -> Judgement:
    """Nothing is said of what is a large part from a few long documents."""
    if judgement.estimate.n >= FEWEST_DOCUMENTS:
        return judgement
    few = f"fewer than {FEWEST_DOCUMENTS} such documents"
    return judgement._replace(verdict=NOT_INFORMATIVE, note="; ".join(filter(None, [judgement.note, few])))


def distance_from_the_smallest_set(evidence: Evidence) -> Judgement:
    """O1: how many times as much attention erases as the smallest set that flips, over the same documents.

    It cannot be below 1: the smallest set is the smallest of all, the first items by attention among them.
    """
    statistics = first_flip_statistics(evidence.results)
    estimate = statistics[ATTENTION].fraction_ratio_to.get(SMALLEST_SET)
    if estimate is None:
        none = Estimate(math.nan, math.nan, math.nan, 0)
        return Judgement(NOT_INFORMATIVE, none, 1.0, evidence.left_out, NO_SMALLEST_SET)
    others = [
        f"{name} {statistics[name].fraction_ratio_to[SMALLEST_SET].value:.2f}"
        for name in PAPER
        if name in statistics and name != ATTENTION
    ]
    never = f"{len(evidence.results.several) - estimate.n:,} that some ordering does not flip"
    left_out = ", ".join(filter(None, [evidence.left_out, never]))
    return Judgement(IDENTITY, estimate, 1.0, left_out, "; ".join(others))


def _leads(evidence: Evidence, first: str, second: str) -> Judgement:
    comparison = evidence.comparison(first, second)
    lead, neither = comparison.lead, comparison.neither.value
    note = f"neither flips in {neither:.1%}" if neither else ""
    return Judgement(above(lead, 0.0), lead, 0.0, evidence.left_out, note, comparison.p)
