"""What erasing can do to one document's decision over all attention weights with the same output, in a few numbers.

For models whose readout is affine. Orderings stay those of the observed weights.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from attnprobe.identifiability import ErasureOutcomes, first_flips_of
from attnprobe.identifiability.linear_programs import Numbers


class ErasureReach(NamedTuple):
    """What erasing can do to one document's decision.

    Attributes:
        must_flip, may_flip, never_flips: how many items' erasure alone flips the decision under all alternatives, under
            some, under none; they add up to the number of items.
        top_can_flip, top_can_stay: whether erasing the item with the largest observed weight alone flips some
            alternative's decision, and whether it leaves some alternative's as it is.
        first_flip_earliest, first_flip_latest: the range of the first flip of the ordering by attention: how many items
            are erased; −1 where no alternative flips, and where some alternative never does.
        random_earliest, random_latest: the same of the document's first random ordering.
        earlier_can_fail: whether an alternative was found under which attention does not flip before that ordering,
            while something is left.
    """

    must_flip: int
    may_flip: int
    never_flips: int
    top_can_flip: bool
    top_can_stay: bool
    first_flip_earliest: int
    first_flip_latest: int
    random_earliest: int
    random_latest: int
    earlier_can_fail: bool


def erasure_reach(outcomes: ErasureOutcomes, by_attention: np.ndarray, at_random: np.ndarray) -> ErasureReach:
    """What erasing can do over all alternatives.

    Args:
        outcomes: of one row of one head.
        by_attention: the ordering by the observed weights, a permutation (items,).
        at_random: a random one.

    Raises:
        SolverError: a program failed.
    """
    of_items, items = outcomes.items(), len(by_attention)
    top = int(by_attention[0])
    attention, random = first_flips_of(outcomes, by_attention), first_flips_of(outcomes, at_random)
    known = np.stack(
        [outcomes.alternatives.observed, attention.first, attention.last, random.first, random.last], dtype=np.float64
    )
    one, other = (first_flips(outcomes, known, order) for order in (by_attention, at_random))
    earlier = flips_before(one, other, items)
    return ErasureReach(
        must_flip=int(of_items.must_flip.sum()),
        may_flip=int(of_items.may_flip.sum()),
        never_flips=int(of_items.never_flips.sum()),
        top_can_flip=bool(of_items.can_flip[top]),
        top_can_stay=bool(of_items.can_stay[top]),
        first_flip_earliest=attention.earliest,
        first_flip_latest=attention.latest,
        random_earliest=random.earliest,
        random_latest=random.latest,
        earlier_can_fail=bool(~earlier.all()),
    )


def first_flips(outcomes: ErasureOutcomes, weights: Numbers, order: np.ndarray) -> np.ndarray:
    """How many of an ordering's first items are erased when each alternative (k, items) first flips; −1 for never."""
    ordered = weights[:, order]
    sums = _behind(ordered[:, None] * outcomes.margins[:, order])
    beaten = ((sums > 0) | ((sums == 0) & outcomes.before[:, None])).any(1)
    flips = np.where(_behind(ordered) > 0, beaten, outcomes.flips_when_empty)
    return np.where(flips.any(1), flips.argmax(1) + 1, -1)


def flips_before(one: np.ndarray, other: np.ndarray, items: int) -> np.ndarray:
    """Whether one order flips the decision with fewer erasures than another, while something is left.

    A count of −1, never, and one of all ``items``, where nothing is left, are before nothing and later than any flip.
    """
    last = np.where((other < 0) | (other >= items), items, other)
    return np.asarray((one > 0) & (one < last))


def _behind(terms: Numbers) -> Numbers:
    """Sums over the items behind each one, along the last axis."""
    sums = np.zeros_like(terms)
    sums[..., :-1] = terms[..., 1:][..., ::-1].cumsum(-1)[..., ::-1]
    return sums
