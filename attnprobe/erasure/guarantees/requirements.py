"""What a set of kept items has to reach so that the decision is guaranteed whatever subset of the others is erased.

With y the decision and ``m_jc = a_j (g_jy − g_jc)`` what item j adds to y's lead over class c (``contributions``), the
worst that can be left beside a kept set S are all items outside it with a negative m, so that S with some mass is
*sufficient* exactly when for every rival c

    Σ_{j∈S} m⁺_jc > Σ_j m⁻_jc          (≥ where argmax resolves a tie for y)

where the right side is of all items: Σ_S m⁻ stands on both sides. A set without mass, the empty one included, leaves
whatever is beside it to decide, and is sufficient exactly when the bias decides y and so does every item with mass
alone. Hence sufficiency is a few rows of non-negative numbers that add up, each of which has to reach a threshold:
La Malfa et al. (2021) and Marques-Silva et al. (2020) have linear classifiers, which this is one of.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from attnprobe.erasure.sorting import sort_ascending


@dataclass(frozen=True)
class Requirements:
    """Rows that have to be reached, one a rival of the decision and, the last, one for mass.

    Attributes:
        gains: what each item adds (batch, rows, items), never negative, zero at padding.
        thresholds: what sums have to be at least (batch, rows), −∞ where nothing is needed.
        mask: True where an item is real (batch, items).
        sizes: how many items are real (batch,).
    """

    gains: Tensor
    thresholds: Tensor
    mask: Tensor
    sizes: Tensor

    @classmethod
    def of(cls, margins: Tensor, mass: Tensor, decision: Tensor, bias: Tensor, mask: Tensor) -> Requirements:
        """Those of documents.

        Args:
            margins: the logits that each item would give alone, less the decision's (batch, classes, items).
            mass: attention weights, zero at padding (batch, items).
            decision: classes (batch,).
            bias: the logits when nothing is left (classes,).
            mask: True where an item is real (batch, items).
        """
        classes, items = margins.shape[1:]
        others = torch.arange(classes - 1, device=margins.device)
        rivals = others + (others >= decision[:, None])
        leads = margins.gather(1, rivals[:, :, None].expand(-1, -1, items)).neg_().mul_(mass[:, None])
        needs = leads.clamp(max=0).sum(-1).neg_()
        # A sum is larger than a number where it is at least the next one.
        beyond = torch.nextafter(needs, torch.full_like(needs, torch.inf))
        gains = torch.empty_like(margins)
        torch.clamp(leads, min=0, out=gains[:, :-1])
        gains[:, -1] = mass > 0
        thresholds = gains.new_ones(gains.shape[:2])
        thresholds[:, :-1] = torch.where(rivals > decision[:, None], needs, beyond)
        # All items together are the decision by definition, whatever rounding makes of a tie.
        thresholds = torch.minimum(thresholds, gains.sum(-1))
        without = torch.nonzero((needs == 0).all(-1) & (bias.argmax() == decision))[:, 0]
        without = without[~_other_alone(margins[without], decision[without], mass[without] > 0)]
        thresholds[without] = -torch.inf
        return cls(gains, thresholds, mask, mask.sum(-1))

    def nothing_needed(self) -> Tensor:
        """Whether the empty set is sufficient (batch,)."""
        return torch.isneginf(self.thresholds).all(-1)

    def of_documents(self, documents: Tensor) -> Requirements:
        """Those of some documents, rows of the batch (documents,)."""
        return Requirements(*(part[documents] for part in (self.gains, self.thresholds, self.mask, self.sizes)))

    def of_row(self, row: Tensor) -> Tensor:
        """What items (batch, items) add to one row a document (batch,)."""
        of_row = self.gains.gather(1, row[:, None, None].expand(-1, 1, self.gains.shape[2])).squeeze(1)
        return of_row.masked_fill(~self.mask, -1.0)

    def needed_by_rival(self) -> tuple[Tensor, Tensor]:
        """How many items are needed at least against each rival alone (batch, rivals): the largest first.

        And how much the last of them adds; one item is needed at least where any is, which has mass.
        """
        largest, thresholds = sort_ascending(-self.gains[:, :-1]).neg_(), self.thresholds[:, :-1]
        short = (largest.cumsum(-1) < thresholds[..., None]).sum(-1) + 1
        needed = torch.minimum(short, self.sizes[:, None])
        last = largest.gather(-1, (needed - 1).clamp(min=0)[..., None]).squeeze(-1)
        return needed.masked_fill(torch.isneginf(thresholds), 0), last

    def count_along(self, order: Tensor) -> Tensor:
        """How many of the first items of orderings (…, batch, items) are sufficient (…, batch)."""
        reached = torch.ones_like(order, dtype=torch.bool)
        for row in range(self.gains.shape[1]):  # a row at a time, so that its sums stay in the core's cache
            ordered = self.gains[:, row].expand_as(order).gather(-1, order)
            reached &= ordered.cumsum(-1) >= self.thresholds[:, row, None]
        count = torch.minimum((~reached).sum(-1) + 1, self.sizes)
        return count.masked_fill(self.nothing_needed(), 0)

    def met_by(self, kept: Tensor) -> Tensor:
        """Whether sets (…, batch, items) are sufficient (…, batch)."""
        sums = torch.matmul(self.gains, kept.double()[..., None]).squeeze(-1)
        return (sums >= self.thresholds).all(-1)


def _other_alone(margins: Tensor, decision: Tensor, has_mass: Tensor) -> Tensor:
    """Whether some item with mass alone decides another class (batch,)."""
    classes = torch.arange(margins.shape[1], device=margins.device)[:, None]
    # A class before the decision wins a tie.
    overtakes = (margins > 0) | ((margins == 0) & (classes < decision[:, None, None]))
    return (overtakes & (classes != decision[:, None, None]) & has_mass[:, None]).any(1).any(-1)
