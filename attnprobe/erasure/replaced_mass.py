"""Closed forms of erasure where a vector takes the mass that is lost, and what remains keeps its weights.

With ``contributions``' a, g and y, T the sum of all weights and B the logits of what stands in, bias included, the
logits after erasing a set S are

    logits(S) = (Σ_{j∉S} aⱼ gⱼ + B Σ_{j∈S} aⱼ) / T

So class c beats y exactly when ``Σ_{j∉S} m_jc + (B_c − B_y) Σ_{j∈S} aⱼ > 0`` (or = 0 with c < y): sums of what remains,
as ever, and beside them sums of the mass that is lost, each from its own end and never the total less the other. Where
no mass is lost nothing has changed.

The smallest set that flips is the complement of the largest number of items *kept* with such a sum. Of all sets of q
items the first q in descending order of ``m_jc − aⱼ (B_c − B_y)`` have the largest, so that one sort a class gives the
largest sum for every q. These sums rise and fall with q, unlike those of renormalising: the first item kept has to make
up for what stands in, so that how many sums are positive says nothing.

Several vectors stand in at once here: ways of erasing and their draws, which share the sums of what remains.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import torch
from torch import Tensor

from attnprobe.erasure.contributions import Contributions, FirstFlip, MinimalFlipSet, SingleErasures
from attnprobe.erasure.sorting import stable_order_descending
from attnprobe.erasure.sums import sums_without_each

_SCANNED = 1 << 18
"""Numbers that a prefix scan holds at once for one class: 2 MB, which stays in a core's cache."""


class ReplacedMass:
    """What becomes of a batch's decisions where each of some vectors stands in for what is erased.

    Args:
        contributions: of the batch.
        stand_ins: their logits, bias included (variants, batch, classes), float64.
    """

    def __init__(self, contributions: Contributions, stand_ins: Tensor) -> None:
        contributions.check_decides()
        self.of = contributions
        self.stand_ins = stand_ins
        decided = stand_ins.gather(-1, contributions.decision.expand(len(stand_ins), -1)[..., None])
        self.leads = stand_ins - decided  # of every class over the decision (variants, batch, classes)
        self.total = contributions.mass.sum(-1)

    @cached_property
    def _flips_when_empty(self) -> Tensor:
        """Whether decisions are others where everything is erased (variants, batch)."""
        ahead = self.leads * self.total[:, None] >= self.of.threshold
        return ahead.any(-1) & (self.total > 0)

    def first_flip(self, order: Tensor, pairs: Sequence[tuple[int, int]]) -> FirstFlip:
        """The first prefix of orderings whose erasure flips the decision.

        Args:
            order: (orderings, batch, items).
            pairs: an ordering, and what stands in, by their numbers.

        Returns:
            Each field (pairs, batch).
        """
        batch, items = self.of.mask.shape
        shape, device = (len(pairs), batch), order.device
        count = torch.full(shape, -1, dtype=torch.int64, device=device)
        mass = torch.zeros(shape, dtype=torch.float64, device=device)
        emptied = torch.zeros(shape, dtype=torch.bool, device=device)
        step = max(1, _SCANNED // max(1, items * max(len(order), len(pairs))))
        for start in range(0, batch if items and pairs else 0, step):
            rows = slice(start, start + step)
            count[:, rows], mass[:, rows], emptied[:, rows] = self._scan(order[:, rows], pairs, rows)
        never = count < 0
        fraction = (count.double() / self.of.sizes.clamp(min=1)).masked_fill(never, torch.nan)
        share = mass / self.total.masked_fill(self.total == 0, 1.0)
        return FirstFlip(count, fraction, share.masked_fill(never, torch.nan), emptied)

    def _scan(self, order: Tensor, pairs: Sequence[tuple[int, int]], rows: slice) -> tuple[Tensor, Tensor, Tensor]:
        """Counts, lost mass and whether nothing is left by then, of some documents: each (pairs, documents)."""
        of, backwards = self.of, order.flip(-1)
        items = order.shape[-1]

        def ordered(terms: Tensor) -> Tensor:
            return torch.gather(terms.expand(len(order), -1, -1), -1, backwards)

        # Position q − 1 holds the sums over the last q items, which are kept, and over those before, which are lost.
        mass = ordered(of.mass[rows])
        kept, lost = mass.cumsum(-1), torch.zeros_like(mass)
        lost[..., :-1] = mass[..., 1:].flip(-1).cumsum(-1).flip(-1)
        flips = torch.zeros(len(pairs), *mass.shape[1:], dtype=torch.bool, device=order.device)
        weighted = of.margins[rows] * of.mass[rows, None]
        for index in range(weighted.shape[1]):  # a class at a time, so that its sums stay in the core's cache
            sums = ordered(weighted[:, index]).cumsum_(-1)
            threshold = of.threshold[rows, index, None]
            for place, (which, variant) in enumerate(pairs):
                lead = self.leads[variant, rows, index, None]
                flips[place] |= torch.addcmul(sums[which], lost[which], lead) >= threshold
        orders, variants = torch.tensor(list(pairs), device=order.device).T
        flips &= (lost > 0)[orders]
        left = (flips * torch.arange(1, items + 1, dtype=torch.int32, device=order.device)).amax(-1).long()
        when_empty = self._flips_when_empty[:, rows][variants]
        count = torch.where(left > 0, items - left, torch.where(when_empty, of.sizes[rows], -1))
        last = (left - 1).clamp(min=0)[..., None]
        lost_by_then = lost[orders].gather(-1, last).squeeze(-1)
        nothing_left = (kept[orders].gather(-1, last).squeeze(-1) == 0) | (left == 0)
        return count, torch.where(left > 0, lost_by_then, self.total[rows]), nothing_left & (count > 0)

    def single_erasures(self) -> SingleErasures:
        """The decision after erasing each item alone: logits (variants, batch, classes, items), flips without these."""
        sums = sums_without_each(self.of.margins * self.of.mass[:, None])
        sums = sums + self.of.mass[:, None] * self.leads[..., None]
        flips = torch.zeros(*sums.shape[:2], sums.shape[-1], dtype=torch.bool, device=sums.device)
        for index in range(sums.shape[2]):
            flips |= sums[:, :, index] >= self.of.threshold[:, index, None]
        flips &= self.of.mass > 0
        return SingleErasures(self._over_total(sums, self.of.logits - self._decided(self.of.logits)), flips)

    def logits_without_each(self) -> Tensor:
        """The logits after erasing each item alone (variants, batch, classes, items); of padding the unerased ones."""
        sums = sums_without_each(self.of.alone * self.of.mass[:, None])
        logits = self._over_total(sums + self.of.mass[:, None] * self.stand_ins[..., None], self.of.logits)
        return torch.where(self.of.mask[:, None], logits, self.of.logits[..., None])

    def decided_logit_without_each(self) -> Tensor:
        """The logit of the decision after erasing each item alone (variants, batch, items)."""
        of, decision = self.of, self.of.decision[:, None, None]
        alone = of.alone.gather(1, decision.expand(-1, 1, of.alone.shape[-1]))
        sums = sums_without_each(alone * of.mass[:, None])
        stand_in = self._decided(self.stand_ins)[..., None]
        return self._over_total(sums + of.mass[:, None] * stand_in, self._decided(of.logits)).squeeze(2)

    def _decided(self, logits: Tensor) -> Tensor:
        """Of logits (…, batch, classes) the decision's (…, batch, 1)."""
        return logits.gather(-1, self.of.decision[:, None].expand(*logits.shape[:-1], 1))

    def _over_total(self, sums: Tensor, untouched: Tensor) -> Tensor:
        """Sums (…, batch, rows, items) over all mass; ``untouched`` (batch, rows) where there never was any."""
        nothing = (self.total == 0)[:, None, None]
        return torch.where(nothing, untouched[..., None], sums / self.total[:, None, None].masked_fill(nothing, 1.0))

    def minimal_flip_sets(self) -> MinimalFlipSet:
        """The smallest sets that flip the decision; each field has an axis of variants before all others."""
        of, items = self.of, self.of.mask.shape[1]
        gains = of.margins * of.mass[:, None]
        most = torch.full(self.leads.shape[:2], -1, dtype=torch.int64, device=of.mass.device)
        order = torch.zeros(*most.shape, items, dtype=torch.int64, device=of.mass.device)
        places = torch.arange(1, items + 1, device=of.mass.device)
        for index in range(gains.shape[1]):
            lead, threshold = self.leads[..., index, None], of.threshold[:, index, None]
            keys = (gains[:, index] - of.mass * lead).masked_fill(~of.mask, -torch.inf)
            by_key = stable_order_descending(keys)
            mass = of.mass.expand_as(keys).gather(-1, by_key)
            lost = torch.zeros_like(mass)
            lost[..., :-1] = mass[..., 1:].flip(-1).cumsum(-1).flip(-1)
            sums = gains[:, index].expand_as(keys).gather(-1, by_key).cumsum_(-1)
            flips = (torch.addcmul(sums, lost, lead) >= threshold) & (lost > 0)
            kept = (flips * places).amax(-1) if items else torch.zeros_like(most)
            at_last = (lead.squeeze(-1) * self.total >= threshold.squeeze(-1)) & (self.total > 0)
            kept = torch.where((kept > 0) | at_last, kept, -1)
            better = kept > most
            most = torch.where(better, kept, most)
            order = torch.where(better[..., None], by_key, order)
        # Behind the kept ones stand the erased, the last of which holds the decision most; padding is behind all.
        place = torch.arange(items, device=of.mass.device)
        chosen = (most >= 0)[..., None] & (place >= most[..., None]) & (place < of.sizes[:, None])
        erased = torch.zeros_like(chosen).scatter_(-1, order, chosen)
        rank = torch.full_like(order, -1)
        rank = rank.scatter_(-1, order, torch.where(chosen, of.sizes[:, None] - 1 - place, -1))
        left = (of.mass * ~erased).sum(-1)
        count = torch.where(most >= 0, of.sizes - most, -1)
        return MinimalFlipSet(count, erased, (left == 0) & (most >= 0), rank)
