"""What guarantees a decision whatever else is erased, of a document that has too many sets to ask for all of them.

A set guarantees the decision exactly when it has an item of every set whose erasure flips it. So of the sets that are
known to flip it, however they were found, the smallest set that has an item of each (``covering_programs``) says how
many items have to be kept at least: that is certain. Whether these are enough nobody can say without asking for all
that can be left beside them. ``_Search.refuting`` says what is tried; where that flips the decision, one more set is
known and the program is solved again. What is not refuted in the end is called *attained*, and may still be too small.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from attnprobe.erasure.asked_sets import Answers, AskedDocument
from attnprobe.erasure.guarantees.covering_programs import smallest_cover
from attnprobe.erasure.guarantees.flip_search import MOST_ASKED, FoundFlips
from attnprobe.erasure.sorting import stable_order_descending

_PROGRAMS = 24
"""Programs of a document; from then on what is refuted gets one item more."""

DRAWN = 64
"""Sets that are drawn of what may be erased beside a set, in each trial of it."""

_STEPS = 32
"""Steps in which a greedy search erases all that may be."""


class FoundKept(NamedTuple):
    """What guarantees a decision, as far as it is found.

    Attributes:
        bound: no set of fewer items guarantees it; certain.
        kept: a set (items,) beside which nothing that was tried flips it; all items where no smaller one is found.
    """

    bound: int
    kept: Tensor


def search_kept(document: AskedDocument, found: FoundFlips) -> FoundKept:
    """How little guarantees a decision, at least, and what was not refuted.

    Args:
        document: which can be asked.
        found: what is known to flip its decision.
    """
    search = _Search(document, found)
    bound, kept = search.smallest_of_known()
    programs = 1
    while (erased := search.refuting(kept)) is not None:
        if search.asked > MOST_ASKED:  # all items together are the decision by definition
            return FoundKept(bound, torch.ones_like(kept))
        if programs < _PROGRAMS:
            search.add(erased)
            bound, kept = search.smallest_of_known()
            programs += 1
        else:
            kept = kept | search.first_of(erased)
    return FoundKept(bound, kept)


class _Search:
    """The sets of a document that are known to flip its decision, and the search for more.

    Attributes:
        asked: of how many sets.
    """

    def __init__(self, document: AskedDocument, found: FoundFlips) -> None:
        self.asked = 0
        self._document = document
        self._known = found.flipping if found.erased is None else torch.cat([found.flipping, found.erased[None]])
        alone = self._ask(torch.eye(document.items, dtype=torch.bool)).scores[:, 0]
        # What holds the decision most first: by what is left without it, and by what it decides alone.
        self._orders = [stable_order_descending(-found.without_each), stable_order_descending(alone)]
        self._generator = torch.Generator().manual_seed(0)

    def _ask(self, kept: Tensor) -> Answers:
        self.asked += len(kept)
        return self._document(kept)

    def add(self, erased: Tensor) -> None:
        """One more set that flips the decision, made such that without any one of its items it does not."""
        self._known = torch.cat([self._known, self._without_needless(erased)[None]])

    def smallest_of_known(self) -> FoundKept:
        """The smallest set that has an item of each of these, and a number of items below which none has."""
        if not len(self._known):
            return FoundKept(0, torch.zeros(self._document.items, dtype=torch.bool))
        rows = self._known.double().numpy()
        cover = smallest_cover(rows, np.ones(len(rows)), 1, _one_of_each(rows))
        return FoundKept(cover.bound, torch.from_numpy(cover.chosen))

    def first_of(self, erased: Tensor) -> Tensor:
        """Of a set the item that holds the decision most, as a set (items,)."""
        order = self._orders[0]
        item = order[int(erased[order].int().argmax())]
        return torch.arange(len(erased)) == item

    def refuting(self, kept: Tensor) -> Tensor | None:
        """A set beside ``kept`` whose erasure flips the decision (items,); None where none is found.

        Tried are: all that is beside it, item by item, in order of what a document is without each item, and of what it
        is with each item alone; ``DRAWN`` sets that are drawn of it; and a greedy search, which erases, in at most 32
        steps, those without which the model is least sure, and asks for each item that it could erase next.
        """
        beside = torch.nonzero(~kept)[:, 0]
        if not len(beside):
            return None
        tried = [_beginnings(order[~kept[order]], len(kept)) for order in self._orders]
        drawn = torch.rand(DRAWN, len(kept), generator=self._generator)
        tried.append((drawn < torch.rand(DRAWN, 1, generator=self._generator)) & ~kept)
        sets = torch.cat(tried)
        flips = self._ask(~sets).flips
        if bool(flips.any()):
            flipping = sets[flips]
            return flipping[int(flipping.sum(-1).argmin())]
        return self._greedily(beside, len(kept))

    def _greedily(self, beside: Tensor, items: int) -> Tensor | None:
        erased, step = torch.zeros(items, dtype=torch.bool), -(-len(beside) // _STEPS)
        while len(beside):
            sets = erased.repeat(len(beside), 1)
            sets[torch.arange(len(beside)), beside] = True
            flips, scores = self._ask(~sets)
            if bool(flips.any()):
                return sets[int(flips.int().argmax())]
            order = stable_order_descending(-scores[:, 0])
            erased[beside[order[:step]]] = True
            beside = beside[order[step:]]
        return None

    def _without_needless(self, erased: Tensor) -> Tensor:
        """A part of a set that flips the decision, which does too, and does not without any one of its items."""
        members = self._orders[0][erased[self._orders[0]]]
        beginnings = _beginnings(members, len(erased))
        flips = self._ask(~beginnings).flips.int()
        flips[-1] = 1  # the set itself, whatever rounding makes of it here
        erased = beginnings[int(flips.argmax())]
        while int(erased.sum()) > 1:
            members = torch.nonzero(erased)[:, 0]
            sets = erased.repeat(len(members), 1)
            sets[torch.arange(len(members)), members] = False
            flips, scores = self._ask(~sets)
            if not bool(flips.any()):
                break
            erased = sets[int(scores[:, 0].masked_fill(~flips, torch.inf).argmin())]
        return erased


def _beginnings(order: Tensor, items: int) -> Tensor:
    """The first one, two, … of these items, as sets (len(order), items)."""
    places = torch.full((items,), items)
    places[order] = torch.arange(len(order))
    return places <= torch.arange(len(order))[:, None]


def _one_of_each(sets: np.ndarray) -> np.ndarray:
    """Items of which each set has one (items,): again and again the one that most of the others have."""
    chosen, left = np.zeros(sets.shape[1], dtype=bool), sets
    while len(left):
        item = int(left.sum(0).argmax())
        chosen[item] = True
        left = left[left[:, item] == 0]
    return chosen
