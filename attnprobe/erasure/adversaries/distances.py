"""Distances of rows of attention that are sums over items of functions convex in the second row.

With h(a, b) what one item adds, the distance of a row a to a row w that is zero but for a few items is

    base + Σ_j gain(a_j, w_j),   gain(a, w) = h(a, w) − h(a, 0),   base = Σ_j h(a_j, 0),

where base is the same for all rows a that sum to one. gain is convex in w and zero at w = 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


_NOTHING = 16 * torch.finfo(torch.float64).eps
"""Base and gains are of the size of one, and cancel where rows are the same."""


@dataclass(frozen=True)
class RowDistance:
    """A distance of two rows of attention.

    Attributes:
        base: that of a row to nothing: Σ h(a, 0).
        gain: h(a, w) − h(a, 0) of weights that broadcast; infinite where a distance is.
        root: whether the distance is the square root of the sum.
        most: no two rows are farther apart.
    """

    base: float
    gain: Callable[[Tensor, Tensor], Tensor]
    root: bool
    most: float

    def of_sum(self, total: Tensor) -> Tensor:
        """The distance itself of ``base`` and gains; what is left of sums that cancel is nothing."""
        total = torch.where(total < _NOTHING, 0.0, total)
        return total.sqrt() if self.root else total


def _js(a: Tensor, w: Tensor) -> Tensor:
    return 0.5 * (torch.xlogy(a, a) + torch.xlogy(w, 2 * w) - torch.xlogy(a + w, a + w))


def _kl(a: Tensor, w: Tensor) -> Tensor:
    """KL(w ‖ a): of the new row from the old one."""
    return torch.where(w > 0, torch.xlogy(w, w) - torch.where(a > 0, torch.xlogy(w, a), -torch.inf), 0.0)


DISTANCES = {
    "js": RowDistance(0.5 * math.log(2), _js, False, math.log(2)),
    "tv": RowDistance(0.5, lambda a, w: 0.5 * ((w - a).abs() - a), False, 1.0),
    "kl": RowDistance(0.0, _kl, False, math.inf),
    "hellinger": RowDistance(0.5, lambda a, w: 0.5 * w - (a * w).sqrt(), True, 1.0),
}
"""By name: Jensen-Shannon divergence in nats, total variation, KL(a′‖a) in nats, Hellinger distance."""
