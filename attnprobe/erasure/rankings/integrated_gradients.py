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

_HELD = 1 << 17
"""Probabilities that are held at once: 1 MB, which stays in a core's cache."""


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
    of_classes = _slopes_by_class(pooling.bias, given.sum(-1), decision)
    return torch.matmul(of_classes[:, None], given).squeeze(1)


def _slopes_by_class(bias: Tensor, reached: Tensor, decision: Tensor) -> Tensor:
    """∫₀¹ ∂p_y/∂z_c dα (batch, classes) at the logits z = b + α r: the same for all items of a document.

    Args:
        bias: b (classes,).
        reached: r (batch, classes).
        decision: y (batch,).
    """
    nodes, widths = (
        torch.tensor(each, dtype=bias.dtype, device=bias.device) for each in zip(*_rule(NODES), strict=True)
    )
    found = torch.zeros_like(reached)
    step = max(1, _HELD // max(1, len(nodes) * len(bias)))
    for start in range(0, len(reached), step):
        some = slice(start, start + step)
        # Classes before nodes: a softmax over a short last axis is several times as slow.
        p = torch.softmax(bias[:, None] + nodes * reached[some, :, None], dim=1)
        of_decision = widths * of_class(p, decision[some])
        found[some] = -torch.matmul(p, of_decision[..., None]).squeeze(2)
        found[some].scatter_add_(1, decision[some, None], of_decision.sum(-1, keepdim=True))
    return found


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
