"""What any ordering of a document can reach, where its score is known of any set of items, but only by asking.

AOPC = s(x) − (1/n) Σ s(K), over the sets K that are left after 1 … n removals. Up to ``EXACT_ITEMS`` items every set is
asked for and the limits are exact, by dynamic programming. Beyond, two beams are followed, from the whole document down
and from nothing up: of all sets that one item fewer, or more, makes of those in the beam, those go on that have the
best sum so far. From nothing up mostly ends better, for sets of a few items differ most. What they end with is
*attained* by an ordering; what lies beyond is not known, and that end is infinite.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from attnprobe.erasure.asked_sets import AskedDocument, neighbouring_sets
from attnprobe.erasure.exact_removals import totals_of_sets
from attnprobe.erasure.sorting import stable_order_descending

EXACT_ITEMS = 12
"""4,096 sets."""

_WIDEST = 8
"""Sets of one size that a beam goes on with."""

_SETS = 1 << 16
"""About as many a beam are asked for; in long documents beams are narrower, and at last single sets."""

ScoresOfSets = Callable[[Tensor], Tensor]
"""Of sets of items that are kept (sets, items), True for what is: scores (sets, scores), float64."""


def limits_set_by_set(document: AskedDocument, exact_items: int = EXACT_ITEMS) -> Tensor:
    """Between which numbers the least and the largest AOPC of any ordering are (scores, 4), float64.

    Args:
        document: which can be asked, of one item at least.
        exact_items: how many items it may have for all of its sets to be asked for; those of a longer one are taken
            where they were asked for before.

    Returns:
        By score, of the least AOPC what it is at least and what is attained, then of the largest what is attained and
        what it is at most: pairs of the same number where limits are exact, else with −∞ and ∞.
    """
    items, scores = document.items, document.scores
    if items <= exact_items or document.is_enumerated:
        of_all = document.enumerate().scores
        smallest, largest = totals_of_sets(of_all)
        whole, endless = of_all[-1], 0.0
    else:
        whole = scores(torch.ones(1, items, dtype=torch.bool))[0]
        ends = [_followed(scores, items, torch.zeros_like(whole), from_nothing=way) for way in (False, True)]
        smallest = torch.minimum(ends[0][0], ends[1][0])
        largest = torch.maximum(ends[0][1], ends[1][1])
        endless = torch.inf
    least, most = whole - largest / items, whole - smallest / items
    return torch.stack([least - endless, least, most, most + endless], -1)


def _followed(scores: ScoresOfSets, items: int, zero: Tensor, *, from_nothing: bool) -> tuple[Tensor, Tensor]:
    """The smallest and the largest sum over a chain's sets, but for the whole document, that is found (scores,)."""
    width = max(1, min(_WIDEST, _SETS // (len(zero) * items * items)))
    begin = torch.full((1, items), not from_nothing)
    of_begin = scores(begin)[0] if from_nothing else zero
    beams = [(begin, signed[None]) for signed in torch.cat([-of_begin, of_begin])]  # of each score and sign one
    for _ in range(items - int(from_nothing)):  # until nothing is left, or all but one item
        next_ones = [neighbouring_sets(sets, added=from_nothing) for sets, _ in beams]
        sets, which = torch.unique(torch.cat(next_ones), dim=0, return_inverse=True)
        of_sets = scores(sets)
        totals = torch.cat([-of_sets, of_sets], 1)
        done = 0
        for beam, (following, (before, total)) in enumerate(zip(next_ones, beams, strict=True)):
            of_following = which[done : done + len(following)].to(total.device)
            done += len(following)
            # The same set may be reached in several orders: of these the best goes on.
            reached = torch.full_like(totals[:, beam], -torch.inf)
            each = total.repeat_interleave(len(following) // len(before))
            reached = reached.scatter_reduce(0, of_following, each, "amax")
            beams[beam] = _best(sets, reached + totals[:, beam], width)
    smallest, largest = torch.stack([total[0] for _, total in beams]).chunk(2)
    return -smallest, largest


def _best(sets: Tensor, totals: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """Those with the largest totals, and these; of equal ones the earlier."""
    order = stable_order_descending(totals)[: min(width, int((totals > -torch.inf).sum()))]
    return sets[order.to(sets.device)], totals[order]
