"""How much of each token's attention reaches the row that decides, through all layers.

With A a layer's attention, its rows summing to one, and the layers numbered from the first, 1, to the last, L:

- rollout: the row of (½ A_L + ½ I) ⋯ (½ A_1 + ½ I), A the mean over heads (Abnar & Zuidema, ACL 2020): half of what a
  layer gives of a token is taken to be the token itself;
- relevance: the row of (I + E_L) ⋯ (I + E_1), E = the mean over heads of max(∂s/∂A · A, 0), s the decision's logit
  (Chefer, Gur and Wolf, ICCV 2021: R = I, and R ← R + E R from the first layer on).

A product's row is made from the last layer down, a row times one layer after another. A word has the sum of its tokens.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from attnprobe.erasure.erasable import Erasable, FlowLayer


def rollout(batch: Erasable) -> Tensor:
    """Of attention alone (batch, items), float64."""
    return _through_layers(batch, lambda row, layer: (row + _times(row, layer.weights.double().mean(1))) / 2)


def relevance(batch: Erasable) -> Tensor:
    """Of attention times its gradient, where that is positive (batch, items), float64."""

    def step(row: Tensor, layer: FlowLayer) -> Tensor:
        positive = (layer.gradients.double() * layer.weights.double()).clamp(min=0)
        return row + _times(row, positive.mean(1))

    return _through_layers(batch, step)


def _through_layers(batch: Erasable, step: Callable[[Tensor, FlowLayer], Tensor]) -> Tensor:
    flows = batch.flows()
    assert flows is not None, "it fits the batch"
    found = []
    for flow in flows:
        row = flow.rows
        for layer in reversed(flow.layers):
            row = step(row, layer)
        found.append(flow.of_items(row))
    return torch.cat(found)


def _times(row: Tensor, layer: Tensor) -> Tensor:
    """Rows (documents, tokens) times matrices (documents, tokens, tokens)."""
    return torch.einsum("bi,bij->bj", row, layer)
