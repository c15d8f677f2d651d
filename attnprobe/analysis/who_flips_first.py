"""Which of two orderings flips a document's decision with fewer erasures (Serrano & Smith 2019, §5)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from attnprobe.analysis.bootstrap import Estimate, Numbers, means, pooled
from attnprobe.analysis.intervals import average_shares, binary_shares, exact_lead, unseen
from attnprobe.analysis.results import FirstFlips, RunResults
from attnprobe.analysis.significance import PermutationTest, binomial_log_p, sign_flip_tests
from attnprobe.analysis.thresholds import SIGNIFICANT
from attnprobe.erasure.registered_orderings import ATTENTION

Pair = tuple[str, str]
Key = TypeVar("Key", bound=Hashable)

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


def compare(
    flips: Mapping[str, FirstFlips], pairs: Sequence[Pair], tests: Mapping[Pair, PermutationTest] | None = None
) -> list[Comparison]:
    """Any two orderings, by name, on the same documents.

    Shares of two orderings without chance in them are of a plain yes or no, and have Wilson's intervals, and their
    leads the one that agrees with the exact test (``exact_lead``). All with a random ordering have the bootstrap's.

    Args:
        flips: by ordering.
        pairs: which to compare.
        tests: their ``permutation_tests`` where they are known, which take longer than all else.
    """
    tests = permutation_tests(flips, pairs) if tests is None else tests
    estimates: dict[tuple[Pair, str], Estimate] = {}
    p_values: dict[Pair, float] = {pair: test.p for pair, test in tests.items()}
    averaged: dict[Pair, dict[str, Numbers]] = {}
    for pair in pairs:
        shares = shares_of_documents(*(flips[name] for name in pair))
        if is_certain(flips, pair):
            estimates |= binary_shares({(pair, field): shares[field] for field in SHARES})
            first, second = (int(shares[field].sum()) for field in ("first_earlier", "second_earlier"))
            estimates[pair, "lead"] = exact_lead(first, second, len(shares["lead"]))
            p_values[pair] = math.exp(binomial_log_p(first, second))
        else:
            averaged[pair] = shares
    estimates |= average_shares(
        {(pair, field): pooled(shares[field]) for pair, shares in averaged.items() for field in SHARES}
    )
    leads = average_leads({pair: shares["lead"] for pair, shares in averaged.items()})
    estimates |= {(pair, "lead"): estimate for pair, estimate in leads.items()}
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


def is_certain(flips: Mapping[str, FirstFlips], pair: Pair) -> bool:
    """Whether there is no chance in either ordering."""
    return all(flips[name].removed.shape[1] == 1 for name in pair)


def permutation_tests(flips: Mapping[str, FirstFlips], pairs: Sequence[Pair]) -> dict[Pair, PermutationTest]:
    """Sign-flip tests of the documents' leads, averages over draws, of the pairs with a random ordering."""
    leads = {
        pair: shares_of_documents(*(flips[name] for name in pair))["lead"]
        for pair in pairs
        if not is_certain(flips, pair)
    }
    return sign_flip_tests(leads)


def average_leads(leads: Mapping[Key, Numbers]) -> dict[Key, Estimate]:
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


def shares_of_documents(first: FirstFlips, second: FirstFlips) -> dict[str, Numbers]:
    """Shares (documents,) of the pairs of draws of which each of ``Comparison``'s holds, and their lead.

    Where several vectors stand in for what is erased, a pair is of draws with the same one.
    """
    one, other = (np.where(np.isnan(flip.removed), np.inf, flip.removed) for flip in (first, second))
    places = np.arange(one.shape[1])[:, None], np.arange(other.shape[1])
    together = np.nonzero(np.equal(*(place % first.stand_ins for place in places)))
    one, other = one[:, together[0]], other[:, together[1]]
    tied = one == other
    held_by = (one < other, tied & np.isfinite(one), one > other, tied & np.isinf(one))
    which = dict(zip(SHARES, held_by, strict=True))
    shares = {name: held.mean(axis=1) for name, held in which.items()}
    return shares | {"lead": shares["first_earlier"] - shares["second_earlier"]}
