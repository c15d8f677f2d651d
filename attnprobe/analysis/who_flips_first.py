"""Which of two orderings flips a document's decision with fewer erasures (Serrano & Smith 2019, §5)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from attnprobe.analysis.bootstrap import Estimate, Numbers, means
from attnprobe.analysis.intervals import binary_shares, exact_lead, unseen
from attnprobe.analysis.results import ATTENTION, FirstFlips, RunResults
from attnprobe.analysis.significance import binomial_log_p, sign_flip_tests
from attnprobe.analysis.thresholds import SIGNIFICANT

Pair = tuple[str, str]

SHARES = ("first_earlier", "equal", "second_earlier", "neither")
"""What can come of a document, and of two draws of it."""


class Comparison(NamedTuple):
    """Two orderings on the same documents, those with n > 1: four shares of all of them, which add up to one.

    A flip counts while something is left: a decision that changes only when nothing is, and one that never does, are
    later than any flip, and no earlier than each other.

    Attributes:
        first, second: the orderings.
        first_earlier, equal, second_earlier: both flip, or one does; which with fewer erasures.
        lead: ``first_earlier`` − ``second_earlier``.
        neither: neither flips.
        p: that the lead is 0: of the exact sign test, or with a random ordering of the sign-flip permutation test.
    """

    first: str
    second: str
    first_earlier: Estimate
    equal: Estimate
    second_earlier: Estimate
    lead: Estimate
    neither: Estimate
    p: float

    @property
    def first_leads(self) -> bool:
        """Whether the first flips decisions earlier more often than later: its interval and the test both say so."""
        return self.lead.low > 0 and self.p < SIGNIFICANT

    @property
    def second_leads(self) -> bool:
        """Whether the second does."""
        return self.lead.high < 0 and self.p < SIGNIFICANT


def who_flips_first(results: RunResults) -> list[Comparison]:
    """Every two orderings compared; those with attention come first, and have it as their first.

    Against a random ordering a document's result is the average over its draws.
    """
    names = sorted(results.first_flips, key=lambda name: name != ATTENTION)
    return compare(results.first_flips, list(itertools.combinations(names, 2)))


def compare(flips: Mapping[str, FirstFlips], pairs: Sequence[Pair]) -> list[Comparison]:
    """Any two orderings, by name, on the same documents.

    Shares of two orderings without chance in them are of a plain yes or no, and have Wilson's intervals, and their
    leads the one that agrees with the exact test (``exact_lead``). All with a random ordering have the bootstrap's.
    """
    estimates: dict[tuple[Pair, str], Estimate] = {}
    p_values: dict[Pair, float] = {}
    averaged: dict[Pair, dict[str, Numbers]] = {}
    for pair in pairs:
        shares = shares_of_documents(*(flips[name].removed for name in pair))
        if all(flips[name].removed.shape[1] == 1 for name in pair):
            estimates |= binary_shares({(pair, field): shares[field] for field in SHARES})
            first, second = (int(shares[field].sum()) for field in ("first_earlier", "second_earlier"))
            estimates[pair, "lead"] = exact_lead(first, second, len(shares["lead"]))
            p_values[pair] = math.exp(binomial_log_p(first, second))
        else:
            averaged[pair] = shares
    estimates |= means({(pair, field): shares[field] for pair, shares in averaged.items() for field in SHARES})
    leads = {pair: shares["lead"] for pair, shares in averaged.items()}
    estimates |= {(pair, "lead"): estimate for pair, estimate in average_leads(leads).items()}
    p_values |= {pair: test.p for pair, test in sign_flip_tests(leads).items()}
    return [
        Comparison(
            first=first,
            second=second,
            first_earlier=estimates[(first, second), "first_earlier"],
            equal=estimates[(first, second), "equal"],
            second_earlier=estimates[(first, second), "second_earlier"],
            lead=estimates[(first, second), "lead"],
            neither=estimates[(first, second), "neither"],
            p=p_values[first, second],
        )
        for first, second in pairs
    ]


def average_leads(leads: Mapping[Pair, Numbers]) -> dict[Pair, Estimate]:
    """Mean leads (documents,) of averages over draws, each between −1 and 1, with the bootstrap's intervals.

    What no document shows no resample shows: where all leads are alike the bootstrap has no width, however few the
    documents are. No end is nearer to the mean than that of Wilson's interval of a share that none of them has.
    """
    return {pair: _reaching(estimate) for pair, estimate in means(leads).items()}


def _reaching(estimate: Estimate) -> Estimate:
    if estimate.n < 2:
        return estimate
    reach = unseen(estimate.n)
    low = max(-1.0, min(estimate.low, estimate.value - reach))
    return estimate._replace(low=low, high=min(1.0, max(estimate.high, estimate.value + reach)))


def shares_of_documents(first: Numbers, second: Numbers) -> dict[str, Numbers]:
    """Shares (documents,) of the pairs of draws of which each of ``Comparison``'s holds, and their lead.

    Args:
        first: items erased at the first flip (documents, draws), NaN where there is none while something is left.
        second: the same of the other ordering.
    """
    one = np.where(np.isnan(first), np.inf, first)[:, :, None]
    other = np.where(np.isnan(second), np.inf, second)[:, None, :]
    tied = one == other
    held_by = (one < other, tied & np.isfinite(one), one > other, tied & np.isinf(one))
    which = dict(zip(SHARES, held_by, strict=True))
    shares = {name: held.mean(axis=(1, 2)) for name, held in which.items()}
    return shares | {"lead": shares["first_earlier"] - shares["second_earlier"]}
