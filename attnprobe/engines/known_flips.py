"""Of which sets of items it is known whether erasing them flips a decision, so that no set is erased twice.

Orderings share their prefixes: erasing everything is the last one of all of them, what comes first has been erased
alone, and orderings that are alike have more in common.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from attnprobe.engines.items import Items

_BITS = 62
"""Of a number that stands for a document and a set of its items: a bit each item, and what numbers the documents."""


class KnownFlips:
    """Sets of items of a batch's documents, each by its number, and whether erasing them flips.

    Where documents are too long for such numbers nothing is remembered.

    Args:
        items: of the batch.
        things: of a document that may flip: one decision, or so many labels.
    """

    def __init__(self, items: Items, things: int = 1) -> None:
        self.things = things
        batch, self._size = items.mask.shape
        self._remembers = self._size + (batch - 1).bit_length() <= _BITS
        self._closed = False
        device = items.mask.device
        self._numbers = torch.empty(0, dtype=torch.int64, device=device)
        self._flips = torch.empty(0, things, dtype=torch.bool, device=device)

    def of_prefixes(self, order: Tensor, documents: Tensor) -> Tensor:
        """The numbers of all prefixes of permutations (rows, items) of these documents (rows,): (rows, items)."""
        if not self._remembers:  # no two are taken for the same
            return torch.arange(order.numel(), device=order.device).view(order.shape)
        return (torch.ones_like(order) << order).cumsum(-1) + (documents << self._size)[:, None]

    def of_single_items(self, documents: Tensor, item: Tensor) -> Tensor:
        """The numbers of sets of one item each (sets,), by document and item (sets,)."""
        return (torch.ones_like(item) << item) + (documents << self._size) if self._remembers else item

    def keep(self, numbers: Tensor, flips: Tensor) -> None:
        """Remember whether sets (sets,) flip (sets, things)."""
        if self._remembers and not self._closed:
            numbers, order = torch.cat([self._numbers, numbers]).sort()
            self._numbers, self._flips = numbers, torch.cat([self._flips, flips])[order]

    def close(self) -> None:
        """Remember nothing further, so that nothing hangs, by rounding, on what else has been asked for in between."""
        self._closed = True

    def look_up(self, numbers: Tensor) -> tuple[Tensor, Tensor]:
        """Whether it is known of sets (…), and what is known: whether they flip (…, things), False elsewhere."""
        if not len(self._numbers):
            return torch.zeros_like(numbers, dtype=torch.bool), self._flips.new_zeros(*numbers.shape, self.things)
        place = torch.searchsorted(self._numbers, numbers).clamp(max=len(self._numbers) - 1)
        known = self._numbers[place] == numbers
        return known, self._flips[place] & known[..., None]

    def flips(self, numbers: Tensor, erase: Callable[[Tensor], Tensor]) -> Tensor:
        """Whether sets flip (sets, things), by their numbers (sets,); each that is not known is erased once.

        Args:
            numbers: of the sets.
            erase: given which of the sets (some,), says whether they flip (some, things).
        """
        different, of = torch.unique(numbers, return_inverse=True)
        places = torch.arange(len(numbers), device=numbers.device)
        first = torch.full_like(different, len(numbers)).scatter_reduce(0, of, places, "amin")
        known, flips = self.look_up(different)
        if not bool(known.all()):
            found = erase(first[~known])
            flips[~known] = found
            self.keep(different[~known], found)
        return flips[of]
