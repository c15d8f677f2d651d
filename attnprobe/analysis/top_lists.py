"""How alike orderings of the same items are: Kendall's τ, the overlap of their first items, the distance of these.

All of it is read off one sign a pair of items, + where the first stands before the second and − where it stands behind,
so that all pairs of orderings are one product of matrices.

The distance is Fagin, Kumar and Sivakumar's K^(p) (2003, §3.1) of two *top-k lists*, which hold different items: a
pair of items costs 1 where the lists, as far as they say, order it differently. What they say is (1) all where both
items are in both lists; (2) where both are in one and one of them is in the other, that this one stands before the one
left out; (3) where each list has another of the two, that they order them differently; and (4) where both are in one
list and neither in the other, nothing about the second: such a pair costs p. Two lists without a common item are as far
from each other as lists can be: k² pairs of case 3, and k (k − 1) of case 4.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from attnprobe.analysis.bootstrap import Numbers

Places = npt.NDArray[np.integer[Any]]

NEUTRAL = 0.5
"""The p of pairs of which one list says nothing: as if it had tossed a coin."""

_HELD = 1 << 21
"""Signs that are held at once: 8 MB."""


class Likeness(NamedTuple):
    """Of some orderings of the same items with each other, each (orderings, orderings).

    Attributes:
        kendall: Kendall's τ of whole orderings, from −1, one the other turned round, to 1. NaN where there is one item.
        overlap: the share of the first k items of one that are among the first k of the other.
        distance: K^(p) of the first k, from 0 to 1 where they have no item in common.
    """

    kendall: Numbers
    overlap: Numbers
    distance: Numbers


def likeness(places: Places, k: int, p: float = NEUTRAL) -> Likeness:
    """How alike orderings of one document are.

    Args:
        places: of each item in each ordering, from 0, permutations (orderings, items).
        k: how many first items make a list, 1 to items.
        p: what a pair costs of which one list says nothing, 0 to 1.
    """
    items = places.shape[1]
    agreed, _ = _agreements(places)
    pairs = items * (items - 1) / 2
    kendall = agreed / pairs if pairs else np.full(agreed.shape, np.nan)
    listed = (places < k).astype(np.float64)
    common = listed @ listed.T
    return Likeness(kendall, common / k, _distances(places, common, k, p))


def _distances(places: Places, common: Numbers, k: int, p: float) -> Numbers:
    """K^(p) over what it is of lists without a common item (orderings, orderings); ``common`` counts items of both."""
    somewhere = (places < k).any(axis=0)
    # What is in no list of two has a sign with what is in one, and none with what is not: it costs nothing below.
    agreed, told_by_both = _agreements(np.minimum(places[:, somewhere], k))
    alone = k - common
    cost = (told_by_both - agreed) / 2 + p * alone * (alone - 1)
    distances: Numbers = cost / (k**2 + p * k * (k - 1))
    return distances


def _agreements(places: Places) -> tuple[Numbers, Numbers]:
    """Pairs of items that orderings order alike less those they do not, and those that both order (orderings, same).

    Items at the same place are ordered by nobody.
    """
    orderings, items = places.shape
    agreed, both = np.zeros((2, orderings, orderings))
    step = max(1, _HELD // max(1, orderings * items))
    numbers = places.astype(np.float32)
    for start in range(0, items, step):
        signs = np.sign(numbers[:, None, :] - numbers[:, start : start + step, None]).reshape(orderings, -1)
        agreed += signs @ signs.T
        ordered = np.abs(signs)
        both += ordered @ ordered.T
    return agreed / 2, both / 2  # each pair was looked at from both sides
