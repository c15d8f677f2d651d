"""Documents whose items are removed one by one until nothing is left, and the sum of the scores of what is left.

An order of removal is written back to front, as the *chain* of what is left: the sets of its first q items,
q = 0 … n. Items without mass change no score wherever they stand, so a chain is one of the items that have mass, and
those without are removed together at the chain's best set, whose score then counts once more for each of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from attnprobe.erasure.kept_scores import KeptScores, means_of
from attnprobe.erasure.sorting import stable_order_descending

_MOST_SWEEPS = 60
"""Exchanges of neighbours along a whole chain; a few are needed."""

_GAIN = 1e-15
"""An exchange that gains less is rounding."""


@dataclass(frozen=True)
class Removals:
    """What is to be as large as possible: the sum over a chain's sets, but for the whole document, of ``value``.

    Attributes:
        scores: of the documents that these were taken from.
        sign: 1 where the score is to be large, −1 where it is to be small: ``value`` is the score times this.
        mass: weights, zero behind the items that have mass (documents, items).
        terms: what each item alone would give of every mean (documents, means, items).
        empty: the means when nothing is left (documents, means).
        with_mass, without_mass: how many items have mass, and how many have none (documents,).
    """

    scores: KeptScores
    sign: int
    mass: Tensor
    terms: Tensor
    empty: Tensor
    with_mass: Tensor
    without_mass: Tensor

    @classmethod
    def of(cls, scores: KeptScores, documents: Tensor, sign: int) -> Removals:
        """Those of some documents, the items with mass first."""
        mass = scores.mass[documents]
        with_mass = (mass > 0).sum(-1)
        width = int(with_mass.max()) if len(documents) else 0
        first = stable_order_descending((mass > 0).double())[:, :width]
        terms = scores.terms[documents]
        terms = terms.gather(2, first[:, None].expand(-1, terms.shape[1], -1))
        mass = mass.gather(1, first)
        return cls(
            scores,
            sign,
            mass,
            terms.masked_fill((mass == 0)[:, None], 0.0),
            scores.empty[documents],
            with_mass,
            scores.sizes[documents] - with_mass,
        )

    def some(self, which: Tensor) -> Removals:
        """Of some of the documents."""
        parts = self.mass, self.terms, self.empty, self.with_mass, self.without_mass
        return Removals(self.scores, self.sign, *(part[which] for part in parts))

    def value(self, means: Tensor, dim: int = 1) -> Tensor:
        """Of means, which are along ``dim``."""
        return self.sign * self.scores.of_means(means, dim)

    def when_empty(self) -> Tensor:
        """The value when nothing is left (documents,)."""
        return self.value(self.empty)

    def along(self, chain: Tensor) -> Tensor:
        """The value of every set of chains (documents, items), from none to all (documents, items + 1)."""
        sums = self._ordered(chain).cumsum(-1)
        return torch.cat([self.when_empty()[:, None], self._values(sums)], -1)

    def total(self, values: Tensor) -> Tensor:
        """The sum over an order of removal from the values of a chain's sets, or from bounds (…, items + 1)."""
        sizes = torch.arange(values.shape[-1], device=values.device)
        summed = values.masked_fill(sizes >= self.with_mass[:, None], 0.0).sum(-1)
        best = values.masked_fill(sizes > self.with_mass[:, None], -torch.inf).amax(-1)
        return summed + torch.where(self.without_mass > 0, self.without_mass * best, 0.0)

    def chain_of(self, sets: Tensor) -> Tensor:
        """Items in the order of how many sets (documents, sizes, items) they are in: a chain, of nested sets theirs."""
        return stable_order_descending(sets.sum(1))

    def grown(self) -> Tensor:
        """Chains (documents, items) of which each set is the best that has one item more than the one before."""
        weighted = self._ordered(torch.arange(self.mass.shape[1], device=self.mass.device).expand_as(self.mass))
        sums = torch.zeros_like(weighted[..., :1])
        left, chain = torch.ones_like(self.mass, dtype=torch.bool), []
        for _ in range(self.mass.shape[1]):
            # Padding comes last.
            keys = self._values(sums + weighted).masked_fill(self.mass == 0, -torch.inf)
            keys = torch.where(left, keys.clamp(min=torch.finfo(keys.dtype).min), -torch.inf)
            chain.append(keys.argmax(-1))
            left = left.scatter(1, chain[-1][:, None], False)
            sums = sums + weighted.gather(2, chain[-1][:, None, None].expand(-1, weighted.shape[1], 1))
        return torch.stack(chain, 1)

    def exchanged(self, chain: Tensor) -> Tensor:
        """Chains (documents, items) in which no exchange of two neighbours makes the sum any larger."""
        ordered = self._ordered(chain)
        items = chain.shape[-1]
        places = torch.arange(items, device=chain.device)
        # The set that ends with an item is the only one that its exchange with the next changes.
        inner = places[:-1] < self.with_mass[:, None] - 1
        still = 0
        for sweep in range(_MOST_SWEEPS):
            sums = ordered.cumsum(-1)
            before = torch.nn.functional.pad(sums[..., :-2], (1, 0)) if items > 1 else sums[..., :-1]
            other = self._values(before + ordered[..., 1:])
            better = inner & (other > self._values(sums[..., :-1]) + _GAIN) & (places[:-1] % 2 == sweep % 2)
            still = 0 if bool(better.any()) else still + 1
            if still == 2:
                break
            later = torch.nn.functional.pad(better, (1, 0))
            source = places + torch.nn.functional.pad(better, (0, 1)).long() - later.long()
            chain = chain.gather(-1, source)
            ordered = ordered.gather(-1, source[:, None].expand_as(ordered))
        return chain

    def _ordered(self, chain: Tensor) -> Tensor:
        """Weighted terms and mass (documents, means + 1, items) in the order of chains."""
        weighted = torch.cat([self.terms * self.mass[:, None], self.mass[:, None]], 1)
        return weighted.gather(-1, chain[:, None].expand_as(weighted))

    def _values(self, sums: Tensor) -> Tensor:
        """Of sums of weighted terms and mass (documents, means + 1, sets)."""
        return self.value(means_of(sums[:, :-1], sums[:, -1:], self.empty[..., None]))
