"""What flips a decision and what guarantees it, where items do not add up: by runs of the model for sets of items.

Of a document of at most ``ITEMS`` items every set is erased, by the slow reference. Of a longer one each item alone is,
the set that is said to flip the decision, and some of what can be erased beside the set that is said to guarantee it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations

import numpy as np

from attnprobe.erasure.certified_names import (
    FLIP_BOUND,
    FLIP_SMALLEST,
    FLIPPING_ITEM,
    NECESSARY,
    NO_SET,
    SUFFICIENT_BOUND,
    SUFFICIENT_ITEM,
    SUFFICIENT_SMALLEST,
)
from attnprobe.verification.comparison import Comparison
from attnprobe.verification.orders import Order
from attnprobe.verification.reference import Reference
from attnprobe.verification.stored_results import StoredDocument

ITEMS = 7
"""Longer documents have too many sets to run the model for each."""

MADE = "sets of items"
"""What comparisons are counted under."""

_TRIED = 8
"""Sets that are drawn of what can be erased beside a set that is said to guarantee the decision."""

Set = frozenset[int]


class Subsets:
    """Sets of a document's items whose erasure flips its decision: surely, and perhaps, where rounding decides.

    Args:
        reference: the document.
        sets: those that are erased.
    """

    def __init__(self, reference: Reference, sets: Iterable[Set]) -> None:
        self._items = reference.items
        some = [erased for erased in sets if erased]
        reference.run_each(some)
        outcomes = {erased: reference.flips(erased) for erased in some}
        self._ends = (
            [erased for erased, flips in outcomes.items() if flips is not False],
            [erased for erased, flips in outcomes.items() if flips],
        )

    def fewest(self) -> tuple[int, int]:
        """How many items the smallest of them has, at least and at most; one more than there are where none does."""
        perhaps, surely = (min(map(len, flips), default=self._items + 1) for flips in self._ends)
        return perhaps, surely

    def fewest_kept(self) -> tuple[int, int]:
        """How many items the smallest set has, at least and at most, that has an item of each."""
        perhaps, surely = (self._hitting(flips) for flips in self._ends)
        return surely, perhaps

    def alone(self) -> tuple[int, int]:
        """How many items flip the decision alone, at least and at most."""
        perhaps, surely = (sum(len(erased) == 1 for erased in flips) for flips in self._ends)
        return surely, perhaps

    def none_beside(self, kept: Set) -> bool | None:
        """Whether none of them is beside a set; None where that is a matter of rounding."""
        perhaps, surely = (any(kept.isdisjoint(erased) for erased in flips) for flips in self._ends)
        return False if surely else None if perhaps else True

    def _hitting(self, flips: list[Set]) -> int:
        every = (kept for size in range(self._items + 1) for kept in combinations(range(self._items), size))
        return next(len(kept) for kept in every if not any(erased.isdisjoint(kept) for erased in flips))


def compare_asked_sets(
    comparison: Comparison, stored: StoredDocument, reference: Reference, orders: Mapping[tuple[str, int], Order]
) -> None:
    """Take in what a run says of the sets that flip one document's decision and that guarantee it.

    Args:
        comparison: what was compared, and differs.
        stored: what the run says of the document, of which sets were erased.
        reference: the same document, with the same decision.
        orders: its orderings, made of the reference's numbers.
    """
    of = _Compared(comparison, stored)
    kept, erased = of.members(SUFFICIENT_ITEM, SUFFICIENT_SMALLEST), of.members(FLIPPING_ITEM, FLIP_SMALLEST)
    everything = frozenset(range(reference.items))
    if reference.items <= ITEMS:
        subsets = Subsets(reference, _all_sets(everything))
        of.between(FLIP_SMALLEST, subsets.fewest())
        of.between(SUFFICIENT_SMALLEST, subsets.fewest_kept())
        of.between(SUFFICIENT_BOUND, subsets.fewest_kept())
        _compare_along(of, subsets, orders)
    else:
        beside = everything - (kept or frozenset())
        subsets = Subsets(reference, [*(frozenset([item]) for item in everything), *_some_of(beside)])
    of.between(NECESSARY, subsets.alone())
    of.at_most(FLIP_BOUND, subsets.fewest()[1])
    of.at_most(FLIP_BOUND, of.number(FLIP_SMALLEST))
    of.at_most(SUFFICIENT_BOUND, of.number(SUFFICIENT_SMALLEST))
    if kept is not None:
        of.take_in(f"keeping {len(kept)} items guarantees the decision", subsets.none_beside(kept))
    if erased:
        of.take_in(f"erasing {len(erased)} items flips the decision", reference.flips(erased))


def _compare_along(of: _Compared, subsets: Subsets, orders: Mapping[tuple[str, int], Order]) -> None:
    """As many of an ordering's first items as are said guarantee the decision, and one fewer do not."""
    for (name, draw), flip in of.stored.erasures.items():
        if flip.sufficient is None or (name, draw) not in orders:
            continue
        for count, claimed in ((flip.sufficient, True), (flip.sufficient - 1, False)):
            if count >= 0:
                items, certain = orders[name, draw].prefix(count) if count else ([], True)
                found = subsets.none_beside(frozenset(items)) if certain else None
                what = f"keeping the first {count} of {name} {'guarantees' if claimed else 'does not guarantee'} it"
                of.take_in(what, None if found is None else found == claimed)


class _Compared:
    """What a run says of one document, held against what is found."""

    def __init__(self, comparison: Comparison, stored: StoredDocument) -> None:
        self.stored = stored
        self._comparison = comparison
        self._where = comparison.where("documents", stored.number)

    def number(self, column: str) -> int:
        """A number of items; one more than there are where no set does it."""
        number = self.stored.asked[column]
        return self.stored.n + 1 if number == NO_SET else number

    def members(self, column: str, size: str) -> Set | None:
        """The items that are marked, where items were kept; as many as are said."""
        marks = (self.stored.items or {}).get(column)
        if marks is None:
            return None
        found = frozenset(np.flatnonzero(marks == 1).tolist())
        self._made(len(found) == max(0, self.stored.asked[size]), f"{len(found)} items are {column}")
        return found

    def between(self, column: str, ends: tuple[int, int]) -> None:
        """A number of items is one that is found, but for rounding."""
        right = ends[0] <= self.number(column) <= ends[1]
        self._made(right, f"{column} is {self.stored.asked[column]}, the reference finds {ends[0]} to {ends[1]}")

    def at_most(self, column: str, most: int) -> None:
        """A bound is not above what is found."""
        self._made(self.number(column) <= most, f"{column} is {self.stored.asked[column]}, but a set has {most} items")

    def take_in(self, what: str, found: bool | None) -> None:
        """Something that is said, and is found or not; None where it is a matter of rounding."""
        self._comparison.within_rounding += found is None
        self._made(found is not False, f"by the reference it is not so that {what}")

    def _made(self, right: bool, says: str) -> None:
        self._comparison.made[MADE] += 1
        if not right:
            self._comparison.differing.append(f"{self._where}: {says}")


def _all_sets(of: Set) -> list[Set]:
    return [frozenset(some) for size in range(len(of) + 1) for some in combinations(sorted(of), size)]


def _some_of(of: Set) -> list[Set]:
    """All of these items, and sets that are drawn of them."""
    members, generator = np.array(sorted(of), dtype=np.int64), np.random.default_rng(len(of))
    drawn = [members[generator.random(len(members)) < generator.random()] for _ in range(_TRIED)]
    return [of, *(frozenset(some.tolist()) for some in drawn)]
