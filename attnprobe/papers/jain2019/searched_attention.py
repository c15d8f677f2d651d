"""Adversarial attention as Jain & Wallace (2019, §4.2.2) look for it: by gradient ascent from random rows.

A row is a softmax of free numbers, from which Adam climbs its Jensen-Shannon divergence from the document's attention,
less a penalty on what the prediction moves beyond ε. What is found is a lower bound of unknown quality; it stands
beside the exact adversary, in the same readout, and was written from the paper.
"""

from __future__ import annotations

import torch
from torch import Tensor

from attnprobe.erasure.adversaries.distances import DISTANCES
from attnprobe.erasure.adversaries.feasible_rows import FeasibleRows

RESTARTS, STEPS = 5, 500
"""Random rows that are begun from, and steps of each."""

_RATE, _PENALTY = 0.01, 500.0
"""Of Adam's steps, and on what is beyond ε."""

_EXCEEDED = 1e-4
"""By how much a row that counts may exceed ε: the penalty does not end just there."""


def searched_divergence(rows: FeasibleRows, epsilon: float, seed: int) -> Tensor:
    """The largest divergence that the search reaches within ε (batch,), zero where it reaches none."""
    generator = torch.Generator().manual_seed(seed)
    free = torch.randn(RESTARTS, *rows.weights.shape, generator=generator, dtype=torch.float64).requires_grad_(True)
    before = torch.sigmoid(torch.einsum("bri,bi->br", rows.leads, rows.weights))
    moments = torch.zeros_like(free), torch.zeros_like(free)
    best = torch.zeros(len(rows.weights), dtype=torch.float64)
    for step in range(1, STEPS + 1):
        row = torch.softmax(free.masked_fill(~rows.mask, -torch.inf), -1)
        divergence = DISTANCES["js"].base + DISTANCES["js"].gain(rows.weights, row.clamp(min=1e-300)).sum(-1)
        after = torch.sigmoid(torch.einsum("bri,sbi->sbr", rows.leads, row))
        moved = (after - before).abs().amax(-1)
        with torch.no_grad():
            reached = divergence.masked_fill(moved > epsilon + _EXCEEDED, 0.0).amax(0)
            best = torch.maximum(best, reached)
        loss = -(divergence - _PENALTY * (moved - epsilon).clamp(min=0)).sum()
        (gradient,) = torch.autograd.grad(loss, free)
        with torch.no_grad():
            for moment, beta, of in zip(moments, (0.9, 0.999), (gradient, gradient.square()), strict=True):
                moment.mul_(beta).add_(of, alpha=1 - beta)
            mean, square = moments[0] / (1 - 0.9**step), moments[1] / (1 - 0.999**step)
            free -= _RATE * mean / (square.sqrt() + 1e-8)
    return best
