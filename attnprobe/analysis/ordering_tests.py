"""Whether two orderings differ in when they flip the same documents' decisions, and by how much."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from attnprobe.analysis.bootstrap import Estimate, Numbers, means
from attnprobe.analysis.effect_sizes import discordant_odds, rank_biserial
from attnprobe.analysis.first_flips import with_controls
from attnprobe.analysis.restricted_means import restricted
from attnprobe.analysis.results import FirstFlips, RunResults
from attnprobe.analysis.significance import PermutationTest, SignTest, sign_test
from attnprobe.analysis.who_flips_first import Comparison, compare, is_certain, permutation_tests
from attnprobe.erasure.registered_orderings import ATTENTION, RANDOM, Role


class OrderingTest(NamedTuple):
    """Two orderings on the same documents; no flip while something is left counts as later than everything.

    Attributes:
        comparison: who flips first, by strict comparison; its lead is the share-difference effect size.
        sign: of two orderings without chance in them, the exact test of who flips first; else None.
        permutation: with a random ordering, the sign-flip test of each document's lead over the draws; else None.
        odds: documents in which the first is earlier by those in which the second is; None with a random ordering.
        rank_biserial: of the differences in restricted fraction, second − first: above 0 the first flips earlier.
        fraction_difference, mass_difference: restricted means, second − first.
    """

    comparison: Comparison
    sign: SignTest | None
    permutation: PermutationTest | None
    odds: Estimate | None
    rank_biserial: float
    fraction_difference: Estimate
    mass_difference: Estimate

    @property
    def p(self) -> float:
        """The p-value of whichever test applies, for Holm's correction over many."""
        test = self.sign or self.permutation
        return test.p if test else float("nan")


def ordering_tests(results: RunResults, pairs: Sequence[tuple[str, str]] | None = None) -> list[OrderingTest]:
    """Tests of pairs of orderings by name.

    Args:
        results: of a run.
        pairs: which; by default all of those that explain and of the random one, attention first; and attention and the
            random one against each control.
    """
    flips = with_controls(results)
    pairs = _pairs(results) if pairs is None else list(pairs)
    permutations = permutation_tests(flips, pairs)
    censored = {name: restricted(flip) for name, flip in flips.items()}
    differences = {
        (pair, field): censored[pair[1]][field] - censored[pair[0]][field]
        for pair in pairs
        for field in ("fraction", "mass")
    }
    estimates = means(differences)
    tests = []
    for pair, comparison in zip(pairs, compare(flips, pairs, permutations), strict=True):
        first, second = (_never_last(flips[name]) for name in pair)
        sign = sign_test(first, second) if is_certain(flips, pair) else None
        tests.append(
            OrderingTest(
                comparison=comparison,
                sign=sign,
                permutation=permutations.get(pair),
                odds=discordant_odds(sign.first, sign.second) if sign else None,
                rank_biserial=rank_biserial(differences[pair, "fraction"]),
                fraction_difference=estimates[pair, "fraction"],
                mass_difference=estimates[pair, "mass"],
            )
        )
    return tests


def _pairs(results: RunResults) -> list[tuple[str, str]]:
    others = (name for name in results.first_flips if name not in results.of_role(Role.REFERENCE))
    pairs = list(itertools.combinations(sorted(others, key=lambda name: name != ATTENTION), 2))
    return pairs + list(itertools.product((ATTENTION, RANDOM), results.of_role(Role.CONTROL)))


def _never_last(flip: FirstFlips) -> Numbers:
    return np.where(np.isnan(flip.removed[:, 0]), np.inf, flip.removed[:, 0])
