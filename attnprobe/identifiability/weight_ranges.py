"""How far each attention weight can move while the output stays the same.

The least and the greatest a'_j over the polytope of alternatives are two linear programs an item. Every solution is a
vertex, and a vertex has as many zeros as the polytope has dimensions: most least weights are seen to be zero at the
maxima of other items, and need no program of their own.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from attnprobe.erasure.arrays import Array, Mask, numpy_or_torch
from attnprobe.identifiability.alternatives import Alternatives
from attnprobe.identifiability.same_output import same_head_output
from attnprobe.identifiability.value_space import as_batch, as_distributions


class WeightRange(NamedTuple):
    """How far each weight can move; exact to 1e-9, and both ends are attained.

    Attributes:
        low: least weight of each item over all alternatives (…, items); 0 at padding.
        high: greatest weight.
        residual: by how much the worst of the certificates that attain them fails to be a distribution with the same
            output, relative to the norm of the values (…,).
    """

    low: Array
    high: Array
    residual: Array


@numpy_or_torch
def weight_range(weights: Array, values: Array, mask: Mask = None) -> WeightRange:
    """The least and the greatest value of each weight among all distributions with the same head output.

    Args:
        weights: attention weights (items,) or (…, items); taken in float64 and divided by their sum.
        values: what they average (items, dim) or (…, items, dim).
        mask: True where an item is real (…, items).

    Returns:
        ``WeightRange`` on the CPU; ``low ≤ weights ≤ high`` up to rounding.

    Raises:
        ValueError: shapes that do not fit, NaN or infinite numbers, weights that are no distribution.
        SolverError: a linear program failed, or its solution did not stand up to the check.

    >>> found = weight_range(torch.full((3,), 1 / 3), torch.tensor([[0.0], [1.0], [2.0]]))
    >>> [round(x, 6) for x in found.high.tolist()]
    [0.5, 1.0, 0.5]
    """
    numbers, real = as_batch(values.cpu(), None if mask is None else mask.cpu())
    mass = as_distributions(weights.cpu(), real)
    low, high = torch.zeros_like(mass), torch.zeros_like(mass)
    residual = torch.zeros_like(mass[..., 0])
    for row in np.ndindex(*real.shape[:-1]):  # each row is a polytope of its own
        kept = real[row]
        found = range_of(same_head_output(mass[row][kept], numbers[row][kept]))
        low[row][kept], high[row][kept] = torch.from_numpy(found.low), torch.from_numpy(found.high)
        residual[row] = found.residual
    return WeightRange(low, high, residual)


def range_of(alternatives: Alternatives) -> WeightRange:
    """The range of each weight over alternatives of any kind, as NumPy arrays in the shape of ``observed``."""
    low, high, vertices = alternatives.extremes
    return WeightRange(low, high, max(alternatives.residual(vertex) for vertex in vertices))
