"""Where orderings of a short document stand among random orders of it, by the slow reference: prefix by prefix."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import torch

from attnprobe.erasure.orderings import rank_at_random
from attnprobe.verification.orders import Order
from attnprobe.verification.reference import Reference


class AreasOfOrders:
    """AOPC of the decision's probability along orders of one document.

    Args:
        reference: the document, of few items: its model is run for each of their sets.
        seed: the document's, of which random orders are made.
        own: how many of them the run has erased by.
    """

    def __init__(self, reference: Reference, seed: int, own: int) -> None:
        self._items, self._seed, self._own = reference.items, seed, own
        self._probability = cache(lambda erased: float(reference.probability(reference.logits(erased))))
        self.at_random = cache(self._at_random)

    def _at_random(self, tried: int) -> list[float]:
        """Those of so many random orders: the run's own, or as many that were drawn for the purpose behind these."""
        everything = torch.ones(1, self._items, dtype=torch.bool)
        drawn = rank_at_random(everything, self._own + tried, torch.tensor([self._seed]))[:, 0].tolist()
        orders = drawn[: self._own] if tried == self._own else drawn[self._own :]
        return [self._area([order[:k] for k in range(1, self._items + 1)]) for order in orders]

    def along(self, order: Order) -> float | None:
        """That of an ordering; None where rounding leaves open what it erases first."""
        prefixes = [order.prefix(k) for k in range(1, self._items + 1)]
        return self._area([items for items, _ in prefixes]) if all(certain for _, certain in prefixes) else None

    def _area(self, prefixes: Sequence[Sequence[int]]) -> float:
        whole = self._probability(frozenset())
        return sum(whole - self._probability(frozenset(items)) for items in prefixes) / self._items
