"""Attention that is given and not learned: uniform, or that of another trained model (Wiegreffe & Pinter 2019, §3)."""

from __future__ import annotations

from typing import Self

import torch
from torch import Tensor

from attnprobe.data.batches import Batch
from attnprobe.erasure.masking import Masking
from attnprobe.models.pooled.attention import PoolingAttention, pooled_by
from attnprobe.models.pooled.classifier import PooledClassifier


class GivenAttention(PoolingAttention):
    """Weights that no gradient reaches: what is asked by them is asked of the weights as they are."""

    def forward(self, values: Tensor, mask: Tensor, batch: Batch | None = None) -> Tensor:
        """Attention weights (batch, items), zero at padding."""
        weights = super().forward(values, mask, batch)
        return weights.requires_grad_() if torch.is_grad_enabled() else weights


class UniformAttention(GivenAttention):
    """The same weight for every item of a document."""

    def of_items(self, values: Tensor) -> Tensor:
        """Zeros (…,) for values (…, dim)."""
        return values.new_zeros(values.shape[:-1])


class FrozenAttention(GivenAttention):
    """The weights that another model gives the same items; that model is never trained here.

    Args:
        guide: the other model. Its weights are kept with those of the model that this is the attention of.
    """

    def __init__(self, guide: PooledClassifier) -> None:
        super().__init__()
        self.guide = guide.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> Self:
        """Nothing is dropped out of the other model, whatever the mode."""
        return super().train(False)

    @torch.no_grad()
    def scores(self, values: Tensor, mask: Tensor, batch: Batch | None = None) -> Tensor:
        """Pre-softmax scores (batch, items) of the other model, −∞ at padding."""
        assert batch is not None
        return self.guide.attention.scores(*self.guide.items(batch), batch)

    def pooled(
        self, values: Tensor, lengths: Tensor, batch: Batch | None = None, masking: Masking | None = None
    ) -> Tensor:
        """Weighted sums (sequences, dim) of sequences of these lengths that lie one after another (items, dim)."""
        mask = torch.arange(int(lengths.max()), device=lengths.device) < lengths[:, None]
        return pooled_by(self.scores(values, mask, batch)[mask], values, lengths, masking)
