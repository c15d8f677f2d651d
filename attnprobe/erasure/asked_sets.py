"""One document of which any set of items can be left, and nothing is known but by asking; each set is asked for once.

Whoever needs all sets of a short document, the limits of AOPC or the sets that guarantee the decision, shares them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from attnprobe.erasure.guarantees.enumerated_sets import every_set


class Answers(NamedTuple):
    """What comes of leaving sets of items.

    Attributes:
        flips: whether the decision is another one (sets,).
        scores: how sure the model is of it, first its probability (sets, scores), float64.
    """

    flips: Tensor
    scores: Tensor


Ask = Callable[[Tensor], Answers]
"""Of sets of items that are left (sets, items), True for what is."""


class AskedDocument:
    """A document whose answers are kept where all of its sets were asked for.

    Args:
        items: how many it has.
        ask: of any sets.
    """

    def __init__(self, items: int, ask: Ask) -> None:
        self.items = items
        self._ask = ask
        self._places = 1 << torch.arange(min(items, 62))
        self._every: Answers | None = None

    @property
    def is_enumerated(self) -> bool:
        """Whether all sets were asked for."""
        return self._every is not None

    def enumerate(self) -> Answers:
        """Of all sets, by number."""
        if self._every is None:
            self._every = self._ask(every_set(self.items))
        return self._every

    def __call__(self, kept: Tensor) -> Answers:
        """Of sets that are left (sets, items)."""
        if self._every is None:
            return self._ask(kept)
        numbers = (kept.long() * self._places).sum(-1)
        return Answers(self._every.flips[numbers], self._every.scores[numbers])

    def scores(self, kept: Tensor) -> Tensor:
        """Scores alone (sets, scores)."""
        return self(kept).scores


def neighbouring_sets(sets: Tensor, *, added: bool) -> Tensor:
    """All sets with one item more, or one fewer, than sets of one size (sets, items): set by set."""
    row, item = (sets != added).nonzero(as_tuple=True)
    others = sets[row]
    others[torch.arange(len(row)), item] = added
    return others
