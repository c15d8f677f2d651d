"""One number an item out of many heads, layers and rows: its attention, its gradient, and their product.

Attention a, gradients g = ∂p_y/∂a of the decision's probability p_y, of selected layers, heads and rows of real tokens:

- ``mean``: over rows, heads and layers in turn. A word's attention and product are the sums over its pieces, since both
  say what goes when the word is erased (Σ g·a is the first-order change of p_y); its gradient is the mean.
- ``max``: the largest over rows, heads and layers; a word's numbers are made of its pieces' in the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from attnprobe.engines.items import Items
from attnprobe.engines.protocol import Attended
from attnprobe.settings.attention import MEAN


class Importance(NamedTuple):
    """What orderings are made of, each (batch, items) in float64, zero at padding.

    Attributes:
        weights: attention, scaled to sum to one.
        gradients: of the decision's probability.
        products: gradient times attention, head by head, row by row.
    """

    weights: Tensor
    gradients: Tensor
    products: Tensor


def importance(attended: Sequence[Attended], items: Items, aggregate: str) -> Importance:
    """Aggregate attention and gradients over everything that is selected.

    Args:
        attended: the selected layers.
        items: of the batch.
        aggregate: ``mean`` or ``max``.
    """
    weights = items.sum(aggregated(attended, aggregate, lambda layer: layer.weights))
    total = weights.sum(-1, keepdim=True)
    return Importance(
        weights / total.masked_fill(total == 0, 1.0),
        items.mean(aggregated(attended, aggregate, lambda layer: layer.gradients)),
        items.sum(aggregated(attended, aggregate, lambda layer: layer.gradients * layer.weights)),
    )


def aggregated(attended: Sequence[Attended], aggregate: str, of: Callable[[Attended], Tensor]) -> Tensor:
    """Numbers of tokens (batch, tokens) out of those of each layer (batch, heads, queries, keys)."""
    layers = []
    for layer in attended:
        numbers = of(layer)[:, layer.selected.heads.to(layer.weights.device)].double()
        rows = layer.rows[:, None, :, None]
        if aggregate == MEAN:
            summed = (numbers * rows).sum((1, 2))
            layers.append(summed / (numbers.shape[1] * layer.rows.sum(-1, keepdim=True).clamp(min=1)))
        else:
            layers.append(numbers.masked_fill(~rows, -torch.inf).amax((1, 2)))
    stacked = torch.stack(layers)
    return stacked.mean(0) if aggregate == MEAN else stacked.amax(0).nan_to_num(neginf=0.0)


def attention_of_heads(attended: Attended, items: Items) -> Tensor:
    """Each head's own attention (batch, heads, items) in float64, mean over rows, scaled to sum to one."""
    rows = attended.rows
    summed = (attended.weights.double() * rows[:, None, :, None]).sum(2)
    weights = items.sum(summed / rows.sum(-1).clamp(min=1)[:, None, None])
    total = weights.sum(-1, keepdim=True)
    return weights / total.masked_fill(total == 0, 1.0)
