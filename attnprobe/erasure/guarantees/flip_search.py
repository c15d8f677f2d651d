"""The smallest set whose erasure flips a decision, of a document that has too many sets to ask for all of them.

All sets of one item, of two, and so on are asked for as far as is wanted. Where none of them flips, no set of that size
does: a lower bound that is certain. From the surest sets of the last size a beam goes on, item by item, and ends with a
set that flips: that side is *attained*. Where both meet, the smallest set is known.
"""

from __future__ import annotations

from math import comb
from typing import NamedTuple

import torch
from torch import Tensor

from attnprobe.erasure.asked_sets import AskedDocument, neighbouring_sets
from attnprobe.erasure.certified_names import NO_SET
from attnprobe.erasure.sorting import stable_order_descending

MOST_SETS = 1 << 16
"""Sets of a document, of all sizes that are gone through together: two items of 361, three of 73."""

MOST_ASKED = 1 << 14
"""Sets of a document that a beam asks for, or a search for what guarantees the decision: as many as 14 items have."""

_WIDEST = 8
"""Sets that a beam goes on with; of long documents fewer."""


class FoundFlips(NamedTuple):
    """What erasing sets of a document does.

    Attributes:
        bound: no set of fewer items flips the decision; certain. ``NO_SET`` where none does at all.
        erased: the smallest set that is known to flip it (items,); None where none is.
        flipping: all sets that do, of the sizes that were gone through (sets, items).
        without_each: how sure the model is of its decision when one item is erased (items,).
    """

    bound: int
    erased: Tensor | None
    flipping: Tensor
    without_each: Tensor


def sizes_gone_through(items: int, largest: int) -> int:
    """Up to which size, ``largest`` at most and one at least, all sets of a document are asked for."""
    total, size = items, 1
    while size < min(largest, items) and (total := total + comb(items, size + 1)) <= MOST_SETS:
        size += 1
    return size


def search_flips(document: AskedDocument, largest: int, known: Tensor | None, *, smallest: bool = False) -> FoundFlips:
    """The smallest set that flips a decision, as far as it is found.

    Args:
        document: which can be asked.
        largest: of how many items all sets are asked for, at most, and while they are no more than ``MOST_SETS``.
        known: a set (items,) whose erasure flips the decision; None where none is known.
        smallest: whether no smaller set than ``known`` does, or none at all where it is None.
    """
    bound, flipping, last = 1, [], sizes_gone_through(document.items, largest)
    for size in range(1, last + 1):
        sets = sets_of_size(document.items, size)
        flips, scores = document(~sets)
        if size == 1:
            without_each = scores[:, 0]
        flipping.append(sets[flips])
        if size == bound and not bool(flips.any()):
            bound = size + 1
    every = torch.cat(flipping)
    if len(every):
        return FoundFlips(bound, every[0], every, without_each)
    if smallest:
        return FoundFlips(NO_SET if known is None else int(known.sum()), known, every, without_each)
    least = int(known.sum()) if known is not None else document.items + 1
    found = _beam(document, sets[_lowest(scores[:, 0], _width(document.items))], least)
    return FoundFlips(bound, known if found is None else found, every, without_each)


def sets_of_size(items: int, size: int) -> Tensor:
    """All sets of so many of the items (sets, items)."""
    members = torch.combinations(torch.arange(items), size)
    return torch.zeros(len(members), items, dtype=torch.bool).scatter_(1, members, value=True)


def _beam(document: AskedDocument, sets: Tensor, least: int) -> Tensor | None:
    """A set of fewer than ``least`` items that flips the decision, grown from sets of a size; None: none is found."""
    asked, width = 0, _width(document.items)
    for _ in range(int(sets[0].sum()) + 1, least):
        longer = torch.unique(neighbouring_sets(sets, added=True), dim=0)
        asked += len(longer)
        if asked > MOST_ASKED:
            return None
        flips, scores = document(~longer)
        if bool(flips.any()):
            found: Tensor = longer[int(flips.int().argmax())]
            return found
        sets = longer[_lowest(scores[:, 0], width)]
    return None


def _width(items: int) -> int:
    """How wide a beam is that asks for no more than ``MOST_ASKED`` sets, whatever it comes to."""
    return max(1, min(_WIDEST, 2 * MOST_ASKED // (items * items)))


def _lowest(probability: Tensor, width: int) -> Tensor:
    return stable_order_descending(-probability)[:width]
