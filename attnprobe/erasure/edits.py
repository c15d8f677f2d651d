"""Erasing attention weights in rows that need not sum to one."""

from __future__ import annotations

import torch
from torch import Tensor


def erase_rows(weights: Tensor, erased: Tensor, scores: Tensor | None = None) -> Tensor:
    """Zero selected weights and rescale the rest of each row to the sum that the row had; differentiable.

    A row of plain attention sums to one, a row beside an attention sink to less. What remains is normalised from the
    scores where they are given, so that it is exact however small its share of the row was. A row that loses every
    weight becomes zero; a row of which nothing is erased is left as it is, to the last bit.

    Args:
        weights: attention weights (…, queries, keys).
        erased: True where a weight is set to zero, broadcast against the weights.
        scores: the logarithms of the weights up to a constant a row (…, queries, keys).
    """
    attends = attended(weights, scores)
    touched = (attends & erased).any(dim=-1, keepdim=True)
    remaining = attends & ~erased
    sums = weights.sum(dim=-1, keepdim=True)
    return torch.where(touched, sums * _normalised(weights if scores is None else scores, remaining, scores), weights)


def spread(weights: Tensor, mass: Tensor, attends: Tensor) -> Tensor:
    """Weights (…, keys) and mass (…, 1), an even share of it for each key that the row attends to; differentiable."""
    return weights + mass / attends.sum(dim=-1, keepdim=True).clamp(min=1) * attends


def _normalised(terms: Tensor, remaining: Tensor, scores: Tensor | None) -> Tensor:
    if scores is not None:
        return masked_softmax(scores, remaining)
    kept = terms.masked_fill(~remaining, 0.0)
    total = kept.sum(dim=-1, keepdim=True)
    return kept / total.masked_fill(total == 0, 1.0)


def masked_softmax(scores: Tensor, remaining: Tensor) -> Tensor:
    """Softmax over what remains of each row; a row of which nothing remains is zero.

    Args:
        scores: (…, keys).
        remaining: True where a weight may be positive (…, keys).
    """
    # A softmax over nothing is NaN, forwards and backwards: such a row is computed on zeros and then zeroed.
    nothing = ~remaining.any(dim=-1, keepdim=True)
    kept = scores.masked_fill(~(remaining | nothing), -torch.inf).masked_fill(nothing, 0.0)
    return torch.softmax(kept, dim=-1).masked_fill(nothing, 0.0)


def attended(weights: Tensor, scores: Tensor | None) -> Tensor:
    """True where a row may attend: where its weight is positive, or would be if floating point reached that far down.

    Models hide a key by a score of −∞, of the smallest float, or of some −10,000; scores proper lie closer together.

    Args:
        weights: attention weights (…, keys).
        scores: their logarithms up to a constant a row, where they are known.
    """
    if scores is None:
        return weights > 0
    return scores > scores.amax(dim=-1, keepdim=True).clamp(min=-_HIDDEN) - _REACH


_HIDDEN, _REACH = 1e4, 1e3


def emptied_rows(attends: Tensor, erased: Tensor) -> Tensor:
    """How many rows of each document lose every weight (batch,).

    Args:
        attends: True where a row may attend (batch, heads, queries, keys).
        erased: True where a weight is set to zero, broadcast against it.
    """
    emptied = attends.any(-1) & ~(attends & ~erased).any(-1)
    return emptied.flatten(1).sum(-1)


def rows_with_weight(attends: Tensor) -> Tensor:
    """How many rows of each document may attend to anything at all (batch,); ``attends`` as above."""
    return attends.any(-1).flatten(1).sum(-1)
