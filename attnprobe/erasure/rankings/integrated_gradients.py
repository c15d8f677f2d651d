"""Integrated gradients over the attention weights (Sundararajan, Taly and Yan, ICML 2017), from all zero on.

Along α a, 0 ≤ α ≤ 1, weights are not normalised, as they are free in the gradients of Serrano & Smith (2019). Logits
are b + α Σ a_j (g_j − b), with the logits g_j that item j would give alone and the readout's bias b. On a logit the
integral is a_j (g_jy − b_y). On the probability it is

    a_j ∫₀¹ p_y(α) [(g_jy − b_y) − Σ_c p_c(α) (g_jc − b_c)] dα,

one integral over α for all items of a document, by Gauss and Legendre's rule. Attributions sum to p_y(1) − p_y(0).

Where attention is in several heads, rows and layers, α scales all that are selected, and an item has the sum over them
of a ∫₀¹ ∂s/∂a (α a) dα, by the same rule with a run of the rest of the model, and one backwards, a node.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from attnprobe.erasure.contributions import of_class

if TYPE_CHECKING:
    from attnprobe.erasure.curve_names import Score
    from attnprobe.erasure.erasable import Erasable, Slopes

NODES = 256
"""Of the rule: attributions sum to p_y(1) − p_y(0) to 1e-12 where a margin moves by up to 80, which is tested."""

NODES_OF_RUNS = 32
"""Of the rule where every node is a run."""


def of_logit(batch: Erasable) -> Tensor:
    """a_j (g_jy − b_y) (batch, items), or what that is of several layers; float64."""
    slopes = batch.slopes()
    if slopes is not None:
        return _by_runs(slopes, "logit")
    return of_class(_beside_bias(batch), batch.decision())


def of_probability(batch: Erasable) -> Tensor:
    """Of the decision's probability (batch, items), float64."""
    slopes = batch.slopes()
    if slopes is not None:
        return _by_runs(slopes, "probability")
    pooling, given, decision = batch.pooling(), _beside_bias(batch), batch.decision()
    assert pooling is not None
    reached = given.sum(-1)  # the logits at α = 1, beside the bias
    of_decision = torch.zeros(len(given), dtype=torch.float64, device=given.device)
    of_classes = torch.zeros_like(reached)
    for node, width in _rule(NODES):
        p = torch.softmax(pooling.bias + node * reached, dim=-1)
        p_decision = width * p.gather(1, decision[:, None]).squeeze(1)
        of_decision += p_decision
        of_classes += p_decision[:, None] * p
    return of_decision[:, None] * of_class(given, decision) - torch.einsum("bc,bci->bi", of_classes, given)


def _by_runs(slopes: Slopes, score: Score) -> Tensor:
    return torch.stack([width * slopes(node, score) for node, width in _rule(NODES_OF_RUNS)]).sum(0)


def _rule(nodes: int) -> list[tuple[float, float]]:
    """Gauss and Legendre's nodes between 0 and 1, each with its width."""
    at, widths = np.polynomial.legendre.leggauss(nodes)
    return list(zip(((at + 1) / 2).tolist(), (widths / 2).tolist(), strict=True))


def _beside_bias(batch: Erasable) -> Tensor:
    """a_j (g_j − b) (batch, classes, items)."""
    pooling = batch.pooling()
    assert pooling is not None, "it fits the batch"
    return (pooling.alone - pooling.bias[:, None]) * batch.attention.weights[:, None]
