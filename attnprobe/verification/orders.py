"""Orderings made again from the reference's own numbers, and how far each is certain."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from attnprobe.erasure.draw_counts import RANDOM_DRAWS
from attnprobe.erasure.orderings import rank_at_random
from attnprobe.erasure.registered_orderings import GREEDY, RANDOM, SMALLEST_SET
from attnprobe.verification.reference import TIED, Reference


class Keys(NamedTuple):
    """What an ordering puts the largest of first, and how much of that is rounding in float32, each (items,)."""

    values: Tensor
    rounding: Tensor


KEYS: dict[str, Callable[[Reference], Keys]] = {
    "attention": lambda of: Keys(of.weights, TIED * of.weights),
    "gradient": lambda of: Keys(of.gradients, torch.full_like(of.gradients, of.gradient_rounding)),
    "gradient_attention": lambda of: Keys(of.products, of.gradient_rounding * of.weights),
    "attention_ascending": lambda of: Keys(-of.weights, TIED * of.weights),
}
"""Of each ordering that is not random."""


FURTHER_KEYS: dict[str, Callable[[Reference], Keys]] = {
    "runner_up_margin": lambda of: _rounded(of.runner_up_margins()),
    "leave_one_out": lambda of: _rounded(torch.stack([_drop(of, item) for item in range(of.items)])),
    "attention_gradient_sign": lambda of: Keys(
        of.gradients.sign() * of.weights,
        torch.where(of.gradients.abs() <= of.gradient_rounding, 2 * of.weights, TIED * of.weights),
    ),
}
"""The same of orderings that not every run has. Those that are not here are followed as the run says."""


def _rounded(values: Tensor) -> Keys:
    return Keys(values, torch.full_like(values, TIED * max(1.0, float(values.abs().max()))))


def _drop(of: Reference, item: int) -> Tensor:
    """How far the decision's probability falls without an item."""
    return torch.tensor(of.probability(of.logits()) - of.probability(of.logits([item])), dtype=torch.float64)


class Prefix(NamedTuple):
    """The first items of an ordering, and whether these are they by more than rounding."""

    items: list[int]
    certain: bool


class Order(Protocol):
    """An ordering of a document's items."""

    def prefix(self, count: int) -> Prefix:
        """The first ``count`` items."""
        ...

    def is_ordered(self, items: Sequence[int]) -> bool | None:
        """Whether these items, in this order, are the first of the ordering but for rounding; None: not certain."""
        ...


class ByKeys:
    """The item with the largest key first, of equal ones the earlier.

    Args:
        keys: of all items.
        document: whose they are.
    """

    def __init__(self, keys: Keys, document: Reference) -> None:
        self._keys: list[float] = keys.values.tolist()
        self._rounding: list[float] = keys.rounding.tolist()
        self._document = document
        self._items = sorted(range(len(self._keys)), key=lambda item: -self._keys[item])

    def prefix(self, count: int) -> Prefix:
        """See :meth:`Order.prefix`; which of several items that are alike comes first makes no difference."""
        last = count - 1
        while last + 1 < len(self._items) and self._is_tied(last):
            last += 1
        first = count - 1
        while last >= count and first and self._is_tied(first - 1):
            first -= 1
        tied = self._items[first : last + 1]
        certain = last < count or all(self._document.are_alike(tied[0], item) for item in tied[1:])
        return Prefix(self._items[:count], certain)

    def is_ordered(self, items: Sequence[int]) -> bool:
        """See :meth:`Order.is_ordered`: no item has a smaller key than one behind it."""
        keys, rounding = (np.array(numbers)[list(items)] for numbers in (self._keys, self._rounding))
        return bool((keys[:-1] - keys[1:] >= -np.maximum(rounding[:-1], rounding[1:])).all())

    def _is_tied(self, place: int) -> bool:
        """Whether the item at a place of the ordering and the next have the same key, but for rounding."""
        one, other = self._items[place : place + 2]
        rounding = max(self._rounding[one], self._rounding[other])
        return abs(self._keys[one] - self._keys[other]) <= rounding


class Greedily:
    """What the reference would erase next, again and again."""

    def __init__(self, document: Reference) -> None:
        self._document = document
        self._items: list[int] = []
        self._certain: list[bool] = []

    def prefix(self, count: int) -> Prefix:
        """See :meth:`Order.prefix`; behind an item that is not certain none is."""
        while len(self._items) < count:
            item, certain = self._document.next_greedily(self._items)
            self._items.append(item)
            self._certain.append(certain)
        return Prefix(self._items[:count], all(self._certain[:count]) or count == self._document.items)

    def is_ordered(self, items: Sequence[int]) -> bool | None:
        """See :meth:`Order.is_ordered`."""
        expected = self.prefix(len(items)).items
        return list(items) == expected or (None if not all(self._certain[: len(items)]) else False)


class AsStored:
    """The order that a run says it erased in: one that another package made, which is not made again.

    Args:
        items: from the first to be erased on, as far as it is said.
    """

    def __init__(self, items: Sequence[int]) -> None:
        self._items = list(items)

    def prefix(self, count: int) -> Prefix:
        """See :meth:`Order.prefix`."""
        return Prefix(self._items[:count], len(self._items) >= count)

    def is_ordered(self, items: Sequence[int]) -> bool:
        """See :meth:`Order.is_ordered`."""
        return list(items) == self._items[: len(items)]


def orders_of(
    document: Reference,
    seed: int,
    *,
    greedy: bool,
    others: Mapping[str, Sequence[int]] | None = None,
    draws: int = RANDOM_DRAWS,
) -> dict[tuple[str, int], Order]:
    """Every ordering of a document, by its name and draw.

    Args:
        document: of the reference.
        seed: the document's, for the random orderings.
        greedy: whether the greedy ordering is among them.
        others: of orderings that not every run has the items in the order in which the run says it erased them.
        draws: how many of the orderings are random.
    """
    orders: dict[tuple[str, int], Order] = {}
    for name, draw in ordering_draws(draws):
        if name == RANDOM:
            everything = torch.ones(1, document.items, dtype=torch.bool)
            drawn = rank_at_random(everything, draws, torch.tensor([seed]))[draw, 0]
            places = drawn.argsort().double()
            orders[name, draw] = ByKeys(Keys(-places, torch.zeros_like(places)), document)
        else:
            orders[name, draw] = ByKeys(KEYS[name](document), document)
    for name, items in (others or {}).items():
        again = FURTHER_KEYS.get(name)
        orders[name, 0] = AsStored(items) if again is None else ByKeys(again(document), document)
    return orders | ({(GREEDY, 0): Greedily(document)} if greedy else {})


def asked_of_every_run() -> set[str]:
    """Names of the orderings that need not be looked for in what a run says of itself."""
    return {RANDOM, SMALLEST_SET, GREEDY, *KEYS}


def ordering_draws(draws: int = RANDOM_DRAWS) -> list[tuple[str, int]]:
    """Names and draws of the orderings of items that every run has, so many of random ones."""
    return [(RANDOM, draw) for draw in range(draws)] + [(name, 0) for name in KEYS]
