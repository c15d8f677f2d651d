"""What guarantees a decision, and what flips it, where it is known of every set of items what it decides.

Of n items there are 2ⁿ sets T that can be left. S is sufficient exactly when no T ⊇ S decides otherwise, so that going
through the items once, one bit of the sets' numbers after the other, finds all sufficient sets at once: whatever the
model, and whatever stands in the place of what is erased. Nothing is assumed of how items act together.
"""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor


def every_set(items: int) -> Tensor:
    """All sets of so many items (2^items, items); the number of a set has bit j where item j is in it."""
    return (torch.arange(1 << items)[:, None] >> torch.arange(items)) % 2 == 1


class EnumeratedSets:
    """One document of which it is known of every set of items that is left whether the decision flips.

    Args:
        flips: by the number of what is left, as :func:`every_set` has it (2^items,). That of the whole document is not
            looked at: what it decides is the decision.

    Attributes:
        items: how many there are.
        flips: as given, False for the whole document.
    """

    def __init__(self, flips: Tensor) -> None:
        self.items = len(flips).bit_length() - 1
        self.flips = flips.clone()
        self.flips[-1] = False

    @cached_property
    def sufficient(self) -> Tensor:
        """By number whether a set, if kept, guarantees the decision whatever else is erased (2^items,)."""
        stands = ~self.flips
        for item in range(self.items):
            without, having = stands.view(-1, 2, 1 << item).unbind(1)
            without &= having  # a view: what is left without the item has to stand with it, too
        return stands

    def smallest_sufficient(self) -> Tensor:
        """A smallest sufficient set (items,); of several the one with the smallest number."""
        sizes = self._sizes.masked_fill(~self.sufficient, self.items + 1)
        return self._members(int(sizes.argmin()))

    def smallest_flip(self) -> Tensor | None:
        """A smallest set whose erasure flips the decision (items,); None: no set does, not even all items."""
        sizes = self._sizes.masked_fill(~self.flips, -1)
        largest = int(sizes.argmax())
        return ~self._members(largest) if bool(self.flips[largest]) else None

    def necessary(self) -> Tensor:
        """Which items every sufficient set has (items,): those without which all the others are none."""
        return ~self.sufficient[(1 << self.items) - 1 - (1 << torch.arange(self.items))]

    def count_along(self, order: Tensor) -> Tensor:
        """How many of the first items of orderings (…, items) are sufficient (…)."""
        numbers = torch.cat([torch.zeros_like(order[..., :1]), (1 << order).cumsum(-1)], -1)
        return self.sufficient[numbers].int().argmax(-1)

    @cached_property
    def _sizes(self) -> Tensor:
        return every_set(self.items).sum(-1)

    def _members(self, number: int) -> Tensor:
        return (number >> torch.arange(self.items)) % 2 == 1
