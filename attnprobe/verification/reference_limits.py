"""What any ordering of a short document can reach, by the slow reference: every set of its items, erased by itself."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import combinations
from typing import NamedTuple

from attnprobe.verification.reference import Reference

ITEMS = 7
"""Longer documents have too many sets to run the model for each."""


class Extremes(NamedTuple):
    """The least and the largest AOPC of comprehensiveness over all orderings."""

    least: float
    most: float


def extremes(reference: Reference, score: str) -> Extremes:
    """Of a document of at most ``ITEMS`` items, for the decision's ``probability`` or ``logit``."""
    everything = frozenset(range(reference.items))
    reference.run_each(erased for size in range(reference.items + 1) for erased in combinations(everything, size))

    def value(erased: frozenset[int]) -> float:
        logits = reference.logits(erased)
        return reference.logit(logits) if score == "logit" else reference.probability(logits)

    def best(choose: Callable[..., float]) -> float:
        @cache
        def beyond(erased: frozenset[int]) -> float:
            """The smallest or largest sum of scores as the rest is erased item by item."""
            if erased == everything:
                return 0.0
            longer = [erased | {item} for item in everything - erased]
            return choose(value(more) + beyond(more) for more in longer)

        return value(frozenset()) - beyond(frozenset()) / reference.items

    return Extremes(best(max), best(min))
