"""Random attention weights with the same head output, as in the logit-rank study of Bhardwaj et al. (2021).

Each row of A gets a random element of the left null space of [T, 1], coefficients uniform on an orthonormal basis, as
far as keeps it a distribution. That such weights have logits of a high rank does *not* show that no alternative has
logits of rank d_k: a random element of a set misses every subset of lower dimension.
"""

from __future__ import annotations

import torch
from torch import Tensor

from attnprobe.identifiability.value_space import as_batch, as_distributions, column_space

SHARE_OF_LARGEST_STEP = 0.5
"""Rows go this far towards the first weight that would become negative: a weight of zero has no finite logit."""


def random_alternatives(weights: Tensor, values: Tensor, draws: int, generator: torch.Generator) -> Tensor:
    """Weights with the same output and row sums.

    Args:
        weights: attention weights, none of them zero (rows, items).
        values: what they average (items, dim).
        draws: how many alternatives.
        generator: of the coefficients.

    Returns:
        (draws, rows, items), float64; equal to ``weights`` where the null space is zero.

    Raises:
        ValueError: shapes that do not fit, or weights that are no distributions.
    """
    numbers, real = as_batch(values, None)
    start = as_distributions(weights, real.expand(weights.shape))
    basis = column_space(numbers, real).basis
    items = len(numbers)
    normals = torch.cat([torch.full((items, 1), items**-0.5, dtype=torch.float64), basis], dim=1)
    # Uniform coefficients on a basis of the complement: that of [T, 1] is orthonormal, its zero columns change nothing.
    left, sigma, _ = torch.linalg.svd(normals, full_matrices=True)
    null = left[:, int((sigma > 0.5).sum()) :]
    coefficients = torch.empty(draws, len(start), null.shape[1], dtype=torch.float64).uniform_(
        -10, 10, generator=generator
    )
    steps = coefficients @ null.T
    largest = torch.where(steps < 0, start / -steps, torch.inf).amin(-1, keepdim=True)
    largest = torch.where(torch.isfinite(largest), largest, 0.0)
    alternatives: Tensor = start + SHARE_OF_LARGEST_STEP * largest * steps
    return alternatives
