"""The attention that pools, and is put to the test: additive (Bahdanau et al. 2015; Yang et al. 2016)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from attnprobe.data.batches import Batch, pad
from attnprobe.erasure.masking import Masking


class PoolingAttention(nn.Module):
    """Weights of items, a softmax over the document.

    The module returns the weights, and its caller multiplies them with the values: so hooks can edit them.
    """

    def of_items(self, values: Tensor) -> Tensor:
        """Pre-softmax scores (…,) of values (…, dim)."""
        raise NotImplementedError

    def scores(self, values: Tensor, mask: Tensor, batch: Batch | None = None) -> Tensor:
        """Pre-softmax scores (batch, items), −∞ at padding.

        Args:
            values: (batch, items, dim).
            mask: True where an item is real (batch, items).
            batch: what they are of, for attention that does not look at values.
        """
        return self.of_items(values).masked_fill(~mask, -torch.inf)

    def forward(self, values: Tensor, mask: Tensor, batch: Batch | None = None) -> Tensor:
        """Attention weights (batch, items), zero at padding. Every row must hold a real item."""
        return torch.softmax(self.scores(values, mask, batch), dim=-1)

    def pooled(
        self, values: Tensor, lengths: Tensor, batch: Batch | None = None, masking: Masking | None = None
    ) -> Tensor:
        """Weighted sums Σ aᵢ hᵢ (sequences, dim) of sequences of these lengths that lie one after another (items, dim).

        What :func:`pool` makes of the weights, to rounding, and without padding: for training, which may erase some.
        """
        return pooled_by(self.of_items(values), values, lengths, masking)


class AdditiveAttention(PoolingAttention):
    """Scores q · tanh(A h + c).

    Args:
        dim: of the values.
        hidden: of what the query is compared with; None: as wide as the values.
    """

    def __init__(self, dim: int, hidden: int | None = None) -> None:
        super().__init__()
        hidden = hidden or dim
        self.project = nn.Linear(dim, hidden)
        self.query = nn.Linear(hidden, 1, bias=False)

    def of_items(self, values: Tensor) -> Tensor:
        """Pre-softmax scores (…,) of values (…, dim)."""
        scores: Tensor = self.query(torch.tanh(self.project(values))).squeeze(-1)
        return scores


def pooled_by(scores: Tensor, values: Tensor, lengths: Tensor, masking: Masking | None = None) -> Tensor:
    """Sums (sequences, dim) of sequences of these lengths, weighted by the softmax of scores (items,), or by less."""
    padded, mask = pad(scores, lengths, value=-math.inf)
    weights = torch.softmax(padded, dim=-1)
    begun = values.new_zeros(len(lengths), values.shape[1])
    if masking is not None:
        whole, weights = weights, masking.edited(weights, mask, padded)
        stood_in = masking.stood_in(whole, weights, pad(values, lengths)[0], mask)
        begun = begun if stood_in is None else stood_in
    weighted = values * weights[mask][:, None]
    sequences = torch.arange(len(lengths), device=lengths.device).repeat_interleave(lengths)
    return begun.index_add(0, sequences, weighted)


def pool(weights: Tensor, values: Tensor) -> Tensor:
    """Weighted sums Σ aᵢ hᵢ (batch, dim) of values (batch, items, dim)."""
    return torch.bmm(weights[:, None], values).squeeze(1)
