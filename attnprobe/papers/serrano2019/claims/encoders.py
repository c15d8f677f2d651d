"""Claims that compare encoders, M5 and M6: over seeds, since two trained models differ by chance alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from attnprobe.analysis.bootstrap import Estimate
from attnprobe.analysis.results import ATTENTION, RANDOM
from attnprobe.analysis.thresholds import SEEDS_TO_RANK_ENCODERS
from attnprobe.papers.serrano2019.claims.evidence import Evidence
from attnprobe.papers.serrano2019.claims.judgement import Case, Judgement, above, differs, over_most


class OfASeed(NamedTuple):
    """What is compared over seeds, of one run.

    Attributes:
        attention, random: mean fractions erased at the first flip, a document without one counting as one.
        lead: share of documents that attention flips strictly earlier than gradient, less the share later.
    """

    attention: float
    random: float
    lead: float

    @classmethod
    def of(cls, evidence: Evidence) -> OfASeed:
        """That of a run; the lead is NaN where it has no ordering by gradient."""
        lead = math.nan
        if GRADIENT in evidence.results.first_flips:
            shares = evidence.shares(ATTENTION, GRADIENT)
            lead = float((shares["first_earlier"] - shares["second_earlier"]).mean())
        return cls(evidence.restricted_mean(ATTENTION), evidence.restricted_mean(RANDOM), lead)


Grid = Mapping[tuple[str, str], Sequence[OfASeed]]
"""Runs by (dataset, model), one a seed."""

FAMILIES = ("han", "flan")

GRADIENT = "gradient"


def convolutional_before_recurrent(grid: Grid) -> list[Case]:
    """M5: what attention erases with a recurrent encoder, less what it erases with a convolutional one."""
    return [
        Case(name, name, _difference(rnn, conv, lambda seed: seed.attention, above))
        for name, rnn, conv in _enough_seeds(grid, "rnn", "conv")
    ]


MOVES, RANDOM_EARLIER, GAINS = "the flip point moves", "random does better", "attention gains on gradient"


def without_encoder(grid: Grid) -> list[Case]:
    """M6: what changes without an encoder, against each encoder.

    Three parts: what attention erases (two-sided); what random erases, which should be less; by how much attention's
    documents outnumber gradient's, which should rise.
    """
    cases = []
    for encoder in ("rnn", "conv"):
        for name, encoded, bare in _enough_seeds(grid, encoder, "none"):
            moved = _difference(encoded, bare, lambda seed: seed.attention, differs)
            random = _difference(encoded, bare, lambda seed: seed.random, above)
            gained = _difference(bare, encoded, lambda seed: seed.lead, above)
            parts = ((moved, MOVES), (random, RANDOM_EARLIER), (gained, GAINS))
            cases += [Case(name, f"{name}: {part}", judgement, part) for judgement, part in parts]
    return cases


def flip_point_moves(cases: Sequence[Case]) -> str:
    """The verdict on M6 over a grid, from its first part; the other two are told beside it."""
    return over_most([case for case in cases if case.part == MOVES])


def missing_seeds(grid: Grid, encoders: Sequence[str]) -> list[str]:
    """Pairs with one of these encoders that have fewer seeds than it takes to rank encoders."""
    datasets = dict.fromkeys(dataset for dataset, _ in grid)
    pairs = [(dataset, f"{family}-{encoder}") for dataset in datasets for family in FAMILIES for encoder in encoders]
    return [f"{d} {m}" for d, m in pairs if len(grid.get((d, m), ())) < SEEDS_TO_RANK_ENCODERS]


def _enough_seeds(grid: Grid, first: str, second: str) -> list[tuple[str, Sequence[OfASeed], Sequence[OfASeed]]]:
    """Name, runs with the first encoder and runs with the second, where both have seeds enough."""
    found = []
    for dataset in dict.fromkeys(dataset for dataset, _ in grid):
        for family in FAMILIES:
            groups = [grid.get((dataset, f"{family}-{encoder}"), ()) for encoder in (first, second)]
            if min(map(len, groups)) >= SEEDS_TO_RANK_ENCODERS:
                found.append((f"{dataset} {family} {first} against {second}", groups[0], groups[1]))
    return found


def _difference(
    first: Sequence[OfASeed],
    second: Sequence[OfASeed],
    statistic: Callable[[OfASeed], float],
    verdict: Callable[[Estimate, float], str],
) -> Judgement:
    """Difference of means over seeds, with Welch's t-interval; n is the number of runs."""
    one, other = (np.array([statistic(seed) for seed in group]) for group in (first, second))
    value = float(one.mean() - other.mean())
    if np.ptp(one) == np.ptp(other) == 0:  # Welch's interval has no width then, and no degrees of freedom
        estimate = Estimate(value, value, value, len(one) + len(other))
    else:
        from scipy.stats import ttest_ind  # half a second to import, and wanted of runs of several seeds alone

        interval = ttest_ind(one, other, equal_var=False).confidence_interval()
        estimate = Estimate(value, float(interval.low), float(interval.high), len(one) + len(other))
    points = " against ".join(", ".join(f"{x:.3f}" for x in group) for group in (one, other))
    return Judgement(verdict(estimate, 0.0), estimate, 0.0, note=f"seeds: {points}")
