"""Tests of paired outcomes, and Holm's correction for many of them.

Which test: where a document's two outcomes are certain (two orderings without chance in them, or the draw of r as
released) McNemar's or the sign test, both exact binomial; where one is an average (over r, over random draws) the
sign-flip permutation test. A p-value is about other documents like these, given the trained model.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Mapping
from typing import NamedTuple, TypeVar

import numpy as np
from scipy.special import gammaln, logsumexp

from attnprobe.analysis.bootstrap import Numbers

FLIPS = 10_000
SEED = 20190801

CHUNK = 4_000_000
"""Assignments × documents, or × columns, that are drawn at a time. Which signs are drawn depends on it."""

AT_ONCE = 128
"""Assignments that are held as floating-point numbers at a time: fresh pages of memory cost more than the sums do."""

ENUMERATED = 12
"""Differences up to which all sign assignments are gone through."""

ROUNDING = 1e-12

Key = TypeVar("Key", bound=Hashable)


class SignTest(NamedTuple):
    """An exact two-sided binomial test that each direction is as likely as the other, or ``odds`` times as likely.

    Attributes:
        p: probability of at least so unequal a split; 0 below 1e-308.
        log10_p: its decimal logarithm, finite however small.
        first, second: documents in either direction.
        ties: documents with no direction, which the test leaves out.
        left_out: documents without an outcome (NaN).
    """

    p: float
    log10_p: float
    first: int
    second: int
    ties: int
    left_out: int


class PermutationTest(NamedTuple):
    """A two-sided sign-flip test that the differences are symmetric about zero.

    Attributes:
        p: share of the sign assignments with as large a mean; drawn ones with one added above and below.
        mean: mean difference.
        n: documents with a difference, zeros included.
        left_out: documents without one (NaN).
        exact: whether all assignments were gone through, which is done with at most 12 that are not zero.
    """

    p: float
    mean: float
    n: int
    left_out: int
    exact: bool


def mcnemar(first: Numbers, second: Numbers) -> SignTest:
    """McNemar's exact test of two yes-or-no outcomes of each document: (documents,) of 0 and 1, NaN for none.

    ``first`` of the result counts the documents in which only the first is yes.
    """
    return sign_test(second, first)


def sign_test(first: Numbers, second: Numbers, odds: float = 1.0) -> SignTest:
    """Whether the first value of a document is smaller ``odds`` times as often as larger: (documents,), NaN for none.

    Even odds are what the released code of Serrano & Smith (2019) ran under the name of McNemar on columns that are no
    yes or no, where the statistic that it printed as χ² is the smaller count. Infinities count as values.
    """
    defined = ~(np.isnan(first) | np.isnan(second))
    one, other = np.asarray(first, float)[defined], np.asarray(second, float)[defined]
    smaller, larger = int(np.count_nonzero(one < other)), int(np.count_nonzero(one > other))
    log_p = binomial_log_p(smaller, larger, odds)
    left_out = int(np.count_nonzero(~defined))
    ties = len(one) - smaller - larger
    return SignTest(math.exp(log_p), log_p / math.log(10), smaller, larger, ties, left_out)


def binomial_log_p(first: int, second: int, odds: float = 1.0) -> float:
    """Natural logarithm of min(1, 2 min(P(X ≤ first), P(X ≥ first))), summed in logarithms.

    X is of Binomial(first + second, odds / (1 + odds)): of even odds the sign test.
    """
    tails = _log_tail(first, second, odds), _log_tail(second, first, 1 / odds)
    return min(0.0, min(tails) + math.log(2))


def _log_tail(first: int, second: int, odds: float) -> float:
    """Natural logarithm of P(X ≤ first), X as above."""
    n = first + second
    k = np.arange(first + 1)
    log_terms = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1) + k * math.log(odds) - n * math.log1p(odds)
    return float(logsumexp(log_terms))


def sign_flip_tests(columns: Mapping[Key, Numbers], flips: int = FLIPS) -> dict[Key, PermutationTest]:
    """Sign-flip tests of differences (documents,), NaN for none; all with the same drawn assignments.

    A document's sign is drawn whether it has a difference or not, so that no column changes another's p-value.

    Args:
        columns: the differences.
        flips: how many assignments are drawn; no p-value from drawn ones is below 1 / (flips + 1).
    """
    if not columns:
        return {}
    table = np.nan_to_num(np.column_stack(list(columns.values())).astype(np.float64))
    totals = table.sum(axis=0)
    least = np.abs(totals) - ROUNDING * np.abs(table).sum(axis=0)
    reached = np.zeros(table.shape[1], dtype=np.int64)
    for signs in _assignments(flips, len(table), max(table.shape)):
        # Σ ±d is twice the sum over the pluses minus the sum over all.
        reached += (np.abs(2 * (signs @ table) - totals) >= least).sum(axis=0)
    tests = {}
    for i, (key, column) in enumerate(columns.items()):
        n = int(np.count_nonzero(~np.isnan(column)))
        mean = float(totals[i]) / n if n else math.nan
        nonzero = table[table[:, i] != 0, i]
        exact = len(nonzero) <= ENUMERATED
        p = _enumerated(nonzero) if exact else (int(reached[i]) + 1) / (flips + 1)
        tests[key] = PermutationTest(p if n else math.nan, mean, n, len(column) - n, exact)
    return tests


def _assignments(flips: int, documents: int, widest: int) -> Iterator[Numbers]:
    """``flips`` rows of 0 and 1 in parts (assignments, documents), drawn ``CHUNK`` / ``widest`` at a time."""
    generator = np.random.default_rng(SEED)
    width = math.ceil(documents / 8)
    rows = max(1, CHUNK // max(widest, 1))
    for start in range(0, flips, rows):
        size = min(rows, flips - start)
        drawn = np.frombuffer(generator.bytes(size * width), dtype=np.uint8).reshape(size, width)
        for part in range(0, size, AT_ONCE):
            yield np.unpackbits(drawn[part : part + AT_ONCE], axis=1, count=documents).astype(np.float64)


def _enumerated(differences: Numbers) -> float:
    """Share of all 2ⁿ sign assignments of a few differences with as large a sum."""
    signs = 1 - 2 * (np.arange(2 ** len(differences))[:, None] >> np.arange(len(differences)) & 1)
    least = abs(differences.sum()) - ROUNDING * np.abs(differences).sum()
    return float((np.abs(signs @ differences) >= least).mean())


def holm(p_values: Mapping[Key, float]) -> dict[Key, float]:
    """Holm's (1979) adjusted p-values: the largest, up to each, of min(1, (m − rank + 1) p); NaN stay as they are."""
    ordered = sorted((key for key in p_values if not math.isnan(p_values[key])), key=lambda key: p_values[key])
    adjusted = dict.fromkeys(p_values, math.nan)
    reached = 0.0
    for rank, key in enumerate(ordered):
        reached = max(reached, min(1.0, (len(ordered) - rank) * p_values[key]))
        adjusted[key] = reached
    return adjusted
