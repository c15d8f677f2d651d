"""The smallest set of items whose erasure flips a decision: exactly where that is known, else as far as time allows."""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch
from torch import Tensor

from attnprobe.erasure.battery import orders_of
from attnprobe.erasure.erasable import Erasable
from attnprobe.erasure.guarantees.flip_search import sets_of_size
from attnprobe.erasure.registered_orderings import Role, chosen_orderings
from attnprobe.live.ready import Ready

EXACT, CERTIFIED, ATTAINED = "exact", "certified", "attained"
"""No smaller set flips; none smaller than a bound does, which is certain; or one does, and nothing more is known."""

AT_ONCE = 256
"""Sets that are asked for between two looks at the clock."""

MOST_SETS = 1 << 18
"""Of one size that are gone through: of more of them no list is made."""


@dataclass(frozen=True)
class Found:
    """What is known of the smallest set.

    Attributes:
        removed: a set that flips the decision (numbers of items); None where none is found.
        at_least: no set of fewer items flips it; one more than there are items where none at all does.
        status: how far that is proved.
    """

    removed: tuple[int, ...] | None
    at_least: int
    status: str


def smallest_flip(ready: Ready, seeds: Tensor, seconds: float) -> Found:
    """The smallest set that flips the decision, as far as it is found within so many seconds.

    Args:
        ready: the text.
        seeds: of it (1,).
        seconds: that searching may take; what it is begun with is found whatever it takes.
    """
    until = time.monotonic() + seconds
    if bool(ready.flips(ready.logits(_no_items(ready)))[0]):  # cutting off has done it
        return Found((), 0, EXACT)
    exact = ready.erasures.smallest_set()
    if exact is not None:
        items = [item for item in exact[0].tolist() if item >= 0]
        return Found(tuple(sorted(items)), len(items), EXACT) if items else Found(None, ready.size + 1, EXACT)
    known = _by_orderings(ready, seeds)
    most = ready.size if known is None else len(known) - 1
    for size in range(1, most + 1):
        flipping = _flipping_of_size(ready, size, until)
        if flipping is None:  # there was no time for all of them
            return Found(known, size, CERTIFIED if size > 1 else ATTAINED)
        if flipping:
            return Found(flipping, size, EXACT)
    return Found(known, most + 1, EXACT)


def _by_orderings(ready: Ready, seeds: Tensor) -> tuple[int, ...] | None:
    """The fewest first items of one of the usual orderings that flip the decision; None where no ordering's do."""
    batch = Erasable(ready.erasures, torch.zeros_like(seeds))
    best: tuple[int, ...] | None = None
    tried = {name: each for name, each in chosen_orderings().items() if each.role is not Role.CHANCE}
    for order in orders_of(batch, seeds, tried).values():
        removed = int(ready.erasures.first_flips(order.of_all[:1])["removed"][0, 0])
        if removed > 0 and (best is None or removed < len(best)):
            best = tuple(sorted(order.of_all[0, 0, :removed].tolist()))
    return best


def _flipping_of_size(ready: Ready, size: int, until: float) -> tuple[int, ...] | None:
    """The first set of so many items that flips the decision, () where none does; None: time was over before that.

    The most promising are asked for no sooner than the others: what is found first is the first by position.
    """
    if _count(ready.size, size) > MOST_SETS:
        return None
    for sets in torch.split(sets_of_size(ready.size, size), AT_ONCE):
        if time.monotonic() >= until:
            return None
        flips = ready.flips(ready.logits(sets))
        if bool(flips.any()):
            first = sets[int(flips.int().argmax())]
            return tuple(first.nonzero().flatten().tolist())
    return ()


def _count(items: int, size: int) -> int:
    from math import comb

    return comb(items, size)


def _no_items(ready: Ready) -> Tensor:
    return torch.zeros(1, ready.size, dtype=torch.bool)
