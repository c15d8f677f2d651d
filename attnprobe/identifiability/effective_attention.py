"""Effective attention: what is left of attention weights without their part in the null space of the values.

With N an orthonormal basis of the left null space of [V, 1], ``a_eff = a − a N Nᵀ`` gives the same output and the same
sum as a, and has the least Euclidean norm of all vectors that do (Brunner et al. 2020; the column of ones, which keeps
the sum, is not in their definition). That norm is its only claim to be the canonical one: its entries may be negative,
so it is **not a distribution**, and nothing says that it is "the part that causes the output".
:func:`attnprobe.identifiability.maxent_attention` gives a true distribution that also depends on the output alone.
"""

from __future__ import annotations

from attnprobe.erasure.arrays import Array, Mask, numpy_or_torch
from attnprobe.identifiability.value_space import as_batch, as_distributions, column_space


@numpy_or_torch
def effective_attention(weights: Array, values: Array, mask: Mask = None) -> Array:
    """The minimum-norm weights with the same output and sum (Brunner et al. 2020, §4); entries may be negative.

    Args:
        weights: attention weights (…, items), or (…, rows, items) for all rows of a head.
        values: what they average (…, items, dim).
        mask: True where an item is real (…, items).

    Returns:
        As ``weights``, zero at padding; each row sums to one and is not a distribution in general.

    Raises:
        ValueError: shapes that do not fit, NaN or infinite numbers, weights that are no distribution.

    >>> import torch
    >>> effective_attention(torch.tensor([0.7, 0.2, 0.1]), torch.zeros(3, 1))
    tensor([0.3333, 0.3333, 0.3333])
    """
    numbers, real = as_batch(values, mask)
    rows = weights.dim() == values.dim()
    matrix = weights if rows else weights[..., None, :]
    mass = as_distributions(matrix, real[..., None, :].expand(matrix.shape) if _fits(matrix, real) else real)
    basis = column_space(numbers, real).basis
    uniform = (real.double() / real.sum(-1, keepdim=True).clamp(min=1)).unsqueeze(-2)
    effective = uniform + (mass @ basis) @ basis.transpose(-1, -2)
    return effective if rows else effective.squeeze(-2)


def _fits(matrix: Array, real: Array) -> bool:
    return bool(matrix.shape[:-2] == real.shape[:-1] and matrix.shape[-1] == real.shape[-1])
