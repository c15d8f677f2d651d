"""The pooled vectors of a batch of documents, whole and with sets of items erased, by renormalising."""

from __future__ import annotations

import torch
from torch import Tensor

_HELD = 1 << 19
"""Numbers of the values that are held in float64 at once: 4 MB."""


class PooledStates:
    """What attention makes of documents whose items are erased: what the affine readout is then given.

    Args:
        values: what the attention pools (batch, items, dim).
        mass: its weights, zero at padding (batch, items).
        mask: True where an item is real (batch, items).
        margins: how far each item alone would put every class ahead of the decision (batch, classes, items).
        threshold: what sums of margins of what remains, times mass, have to reach for a class to take over
            (batch, classes).
    """

    def __init__(self, values: Tensor, mass: Tensor, mask: Tensor, margins: Tensor, threshold: Tensor) -> None:
        self._values, self._mass, self._mask = values.detach(), mass, mask
        self._margins, self._threshold = margins, threshold

    @property
    def dim(self) -> int:
        """How long the vectors are."""
        return self._values.shape[-1]

    def whole(self) -> Tensor:
        """Of the unerased documents (batch, dim), float64."""
        return self.of_sets(self._mask[None])[0]

    def of_sets(self, kept: Tensor) -> Tensor:
        """Of sets of items that are kept (sets, batch, items): (sets, batch, dim), float64.

        Where nothing that is kept has weight the vector is zero.
        """
        weights = self._mass * kept
        total = weights.sum(-1, keepdim=True)
        weights = (weights / total.masked_fill(total == 0, 1.0)).transpose(0, 1)
        step = max(1, _HELD // max(1, self._values[0].numel()))
        parts = zip(torch.split(weights, step), torch.split(self._values, step), strict=True)
        return torch.cat([torch.matmul(some, values.double()) for some, values in parts]).transpose(0, 1)

    def along(self, order: Tensor, documents: Tensor) -> Tensor:
        """Without the first k items of orders (pairs, items) of these documents (pairs,): (pairs, items, dim), float64.

        k is 0 … items − 1; from the sums of what remains.
        """
        backwards = order.flip(-1)
        weights = self._mass[documents].gather(-1, backwards)[..., None]
        values = self._values[documents[:, None], backwards].double()
        total = weights.cumsum(1)
        sums = (values * weights).cumsum_(1) / total.masked_fill(total == 0, 1.0)
        return sums.flip(1)

    def flips(self, order: Tensor, documents: Tensor) -> Tensor:
        """Whether decisions are others without the first k items, something being left: (pairs, items) as ``along``."""
        backwards = order.flip(-1)
        weights = self._mass[documents]
        flips = torch.zeros_like(order, dtype=torch.bool)
        for index in range(self._margins.shape[1]):  # a class at a time, as where first flips are found
            terms = self._margins[documents, index] * weights
            flips |= terms.gather(-1, backwards).cumsum_(-1) >= self._threshold[documents, index, None]
        flips &= weights.gather(-1, backwards).cumsum(-1) > 0
        flips = flips.flip(-1)
        flips[..., 0] = False  # of the whole document, whatever rounding makes of a tie
        return flips
