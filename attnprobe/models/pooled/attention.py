"""Additive attention (Bahdanau et al. 2015; Yang et al. 2016), the attention that Serrano & Smith put to the test."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from attnprobe.data.batches import pad


class AdditiveAttention(nn.Module):
    """Weights of items: softmax over the document of q · tanh(A h + c).

    The module returns the weights, and its caller multiplies them with the values: so hooks can edit them.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.project = nn.Linear(dim, dim)
        self.query = nn.Linear(dim, 1, bias=False)

    def scores(self, values: Tensor, mask: Tensor) -> Tensor:
        """Pre-softmax scores (batch, items), −∞ at padding.

        Args:
            values: (batch, items, dim).
            mask: True where an item is real (batch, items).
        """
        scores: Tensor = self.query(torch.tanh(self.project(values))).squeeze(-1)
        return scores.masked_fill(~mask, -torch.inf)

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """Attention weights (batch, items), zero at padding. Every row must hold a real item."""
        return torch.softmax(self.scores(values, mask), dim=-1)

    def pooled(self, values: Tensor, lengths: Tensor) -> Tensor:
        """Weighted sums Σ aᵢ hᵢ (sequences, dim) of sequences of these lengths that lie one after another (items, dim).

        What :func:`pool` makes of the weights, to rounding, and without padding: for training, which edits no weights.
        """
        scores: Tensor = self.query(torch.tanh(self.project(values))).squeeze(-1)
        padded, mask = pad(scores, lengths, value=-math.inf)
        weighted = values * torch.softmax(padded, dim=-1)[mask][:, None]
        sequences = torch.arange(len(lengths), device=lengths.device).repeat_interleave(lengths)
        return values.new_zeros(len(lengths), values.shape[1]).index_add(0, sequences, weighted)


def pool(weights: Tensor, values: Tensor) -> Tensor:
    """Weighted sums Σ aᵢ hᵢ (batch, dim) of values (batch, items, dim)."""
    return torch.bmm(weights[:, None], values).squeeze(1)
