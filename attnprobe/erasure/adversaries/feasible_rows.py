"""The rows of attention with nearly the same prediction.

The prediction hardly moves where for every rival c of the decision σ(lead_c), the probability of the decision between
the two alone, moves by no more than ε. lead_c = Σ_j a_j u_jc, u_jc = g_jy − g_jc, is linear in the row, so these rows
are a polytope {a ≥ 0, Σ a = 1, low_c ≤ u_c · a ≤ high_c}; of two classes it is p_y itself
that moves (Jain & Wallace 2019).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

ROUNDING = 1e-9
"""A weight that is no larger is that of a solver, or of limits that are widened."""

_OUTPUT = 1e-10
"""By how much an output may move along a direction, relative to the values along it: a solver's rounding."""

_EPS = torch.finfo(torch.float64).eps


@dataclass(frozen=True)
class FeasibleRows:
    """Of each document.

    Attributes:
        weights: its attention, which sums to one (batch, items).
        leads: what each item alone would give (batch, rivals, items), zero at padding.
        low, high: what the mean of the leads has to be (batch, rivals), widened by rounding.
        mask: True where an item is real (batch, items).
    """

    weights: Tensor
    leads: Tensor
    low: Tensor
    high: Tensor
    mask: Tensor

    @classmethod
    def of(cls, margins: Tensor, mass: Tensor, decision: Tensor, mask: Tensor, epsilon: float) -> FeasibleRows:
        """Those of documents, within ``epsilon`` of the prediction.

        Args:
            margins: the logits that each item would give alone, less the decision's (batch, classes, items).
            mass: attention weights, zero at padding (batch, items).
            decision: classes (batch,).
            mask: True where an item is real (batch, items).
            epsilon: from 0 to 1.

        Raises:
            ValueError: a document's weights sum to nothing.
        """
        weights = _of_sum_one(mass, mask)
        batch, classes, items = margins.shape
        rivals = torch.arange(classes - 1, device=weights.device).expand(batch, -1)
        rivals = rivals + (rivals >= decision[:, None])
        leads = -margins.gather(1, rivals[..., None].expand(-1, -1, items))
        lead = torch.matmul(leads, weights[..., None]).squeeze(-1)
        slack = 8 * (items + 8) * _EPS * leads.abs().amax(-1) if items else torch.zeros_like(lead)
        low, high = _within(lead, epsilon)
        return cls(weights, leads, low - slack, high + slack, mask)

    @classmethod
    def of_outputs(cls, values: Tensor, mass: Tensor, mask: Tensor) -> FeasibleRows:
        """Those whose output, the sum of weights times values, is the very same: no readout tells them apart.

        In the place of the values, whose directions may differ by orders of magnitude, stand orthonormal rows that span
        the same, but for directions that are rounding. What the rows' means may be is widened by ``_OUTPUT``.

        Args:
            values: what the weights average (batch, items, dim).
            mass, mask: as of :meth:`of`.

        Raises:
            ValueError: as :meth:`of`.
        """
        weights = _of_sum_one(mass, mask)
        given = values.detach().double().masked_fill(~mask[..., None], 0.0).transpose(1, 2)
        _, sizes, rows = torch.linalg.svd(given, full_matrices=False)
        largest = sizes[:, :1] if sizes.shape[1] else sizes
        rows = rows * (sizes > max(given.shape[1:]) * _EPS * largest)[..., None]
        mean = torch.matmul(rows, weights[..., None]).squeeze(-1)
        return cls(weights, rows, mean - _OUTPUT, mean + _OUTPUT, mask)

    def of_documents(self, documents: Tensor) -> FeasibleRows:
        """Those of some documents, rows of the batch."""
        parts = self.weights, self.leads, self.low, self.high, self.mask
        return FeasibleRows(*(part[documents] for part in parts))

    def without_idle(self) -> FeasibleRows:
        """The same, less the items without weight that can gain no more than what limits are widened by; of one rival.

        An item beyond a limit gains what another item on the other side of it allows.
        """
        leads, low, high = self.leads[:, 0], self.low, self.high
        largest = leads.masked_fill(~self.mask, -torch.inf).amax(-1, keepdim=True)
        smallest = leads.masked_fill(~self.mask, torch.inf).amin(-1, keepdim=True)
        up = (largest - low) / (largest - leads)
        down = (high - smallest) / (leads - smallest)
        gain = torch.where(leads < low, up, torch.where(leads > high, down, 1.0))
        idle = (self.weights == 0) & ~(gain > ROUNDING)
        return replace(self, mask=self.mask & ~idle)


def _of_sum_one(mass: Tensor, mask: Tensor) -> Tensor:
    """Weights (batch, items) over their sum; raises a ValueError where a document's sum to nothing."""
    total = mass.sum(-1, keepdim=True)
    empty = (total == 0) & mask.any(-1, keepdim=True)
    if bool(empty.any()):
        document = int(torch.nonzero(empty)[0, 0])
        raise ValueError(f"weights sum to nothing in document {document}, and no row is like another")
    # Twice, since a sum may overflow or lose what is far below one.
    weights = mass / total.masked_fill(total == 0, 1.0)
    return weights / weights.sum(-1, keepdim=True).clamp(min=0.5)


def _within(lead: Tensor, epsilon: float) -> tuple[Tensor, Tensor]:
    """The leads between which σ moves by no more than ε, to full precision in either tail."""
    if epsilon == 0:
        return lead, lead
    return -_logit(torch.sigmoid(-lead) + epsilon), _logit(torch.sigmoid(lead) + epsilon)


def _logit(p: Tensor) -> Tensor:
    """log p − log(1 − p), ∞ from one on."""
    p = p.clamp(max=1.0)
    return torch.log(p) - torch.log1p(-p)
