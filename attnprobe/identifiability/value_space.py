"""The space that the values span: centring, numerical rank, and an orthonormal basis of the columns of [V, 1].

Attention weights sum to one, so a row is fixed by its output exactly when the left null space of [V, 1] is zero; the
column of ones also makes everything here blind to a value bias, ``V + 1bᵀ``. Since ``[V, 1]`` and ``[V − 1vᵀ, 1]`` have
the same columns, and the columns of the centred values PV, P = I − 11ᵀ/n, are orthogonal to 1,

    rank [V, 1] = 1 + rank PV,        an orthonormal basis is 1/√n beside the left singular vectors of PV,

whatever the scale of V. Singular values count as zero below ε · max(n, d + 1) · ‖V‖, with ε of float64 and the norm
of the values *before* they are centred, for that is the size of the rounding that centring leaves. Padding is a zero
row after centring and changes no singular value.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from attnprobe.erasure.arrays import as_mask, check_numbers

PRACTICAL_TOLERANCES = (1e-3, 1e-2)
"""Singular values below these shares of the largest are left out of the practical ranks."""

_SUM_TOLERANCE = 1e-3
"""How far weights may sum from one before they are refused, or by an ε of their format where that is more."""


class NumericalRank(NamedTuple):
    """How many singular values are not zero, and how clearly.

    Attributes:
        rank: number of singular values above rounding (…,), int64.
        gap: the last of them over the next one (…,): ∞ where the next is zero or there is none, NaN at rank zero.
        practical: numbers of singular values above each tolerance times the largest (…, tolerances), int64.
        tolerances: those tolerances.
        singular_values: in descending order (…, min(rows, columns)), float64.
    """

    rank: Tensor
    gap: Tensor
    practical: Tensor
    tolerances: tuple[float, ...]
    singular_values: Tensor


def rank_from_spectrum(
    singular_values: Tensor, threshold: Tensor, tolerances: tuple[float, ...] = PRACTICAL_TOLERANCES
) -> NumericalRank:
    """Ranks from singular values (…, k) in descending order; ``threshold`` (…,) is what rounding alone may leave."""
    rank = (singular_values > threshold[..., None]).sum(-1)
    padded = torch.nn.functional.pad(singular_values, (1, 1))
    last, following = (padded.gather(-1, rank[..., None] + shift).squeeze(-1) for shift in (0, 1))
    gap = torch.where(rank > 0, last / following, torch.nan)
    levels = singular_values[..., :1, None] * singular_values.new_tensor(tolerances)
    above = singular_values[..., None] > torch.maximum(levels, threshold[..., None, None])
    return NumericalRank(rank, gap, above.sum(-2), tolerances, singular_values)


def rounding_threshold(matrix: Tensor, scale: Tensor | None = None, columns: int | None = None) -> Tensor:
    """ε · max(rows, columns) · norm of matrices (…, rows, columns): below it a singular value counts as zero.

    Args:
        scale: the norm (…,) to use where the matrix is a difference of larger ones; its Frobenius norm otherwise.
        columns: the number of columns to count, where it is not the matrix's own.
    """
    size = max(matrix.shape[-2], matrix.shape[-1] if columns is None else columns)
    norm = torch.linalg.matrix_norm(matrix) if scale is None else scale
    return torch.finfo(torch.float64).eps * size * norm


def as_batch(values: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """Values (…, items, dim) in float64 with zeros at padding, and the mask (…, items).

    Raises:
        ValueError: no (items, dim) axes, no items, a mask that does not fit, NaN or infinite values.
    """
    if values.dim() < 2 or not values.shape[-2]:
        raise ValueError(f"values have shape {tuple(values.shape)}, but (…, items, dim), with items, is needed")
    numbers = values.detach().double()
    sums = numbers.sum(-1)
    real = as_mask(mask, sums)
    check_numbers("values", sums, real)
    return numbers.masked_fill(~real[..., None], 0.0), real


def as_distributions(weights: Tensor, real: Tensor) -> Tensor:
    """Attention weights (…, items) in float64, zero at padding, divided by their sum.

    Raises:
        ValueError: shapes that do not fit, NaN, negative weights, or a sum that is not one; the message names the row.
    """
    if weights.shape != real.shape:
        raise ValueError(f"weights have shape {tuple(weights.shape)}, but {tuple(real.shape)} is needed")
    check_numbers("weights", weights, real)
    mass = weights.detach().double().masked_fill(~real, 0.0)
    total = mass.sum(-1)
    tolerance = max(_SUM_TOLERANCE, torch.finfo(weights.dtype).eps)
    bad = (mass < 0).any(-1) | ((total - 1).abs() > tolerance)
    if bool(bad.any()):
        where = torch.nonzero(bad.reshape(-1))[0].item()
        sum_ = float(total.reshape(-1)[int(where)])
        raise ValueError(f"weights of row {where} are no distribution: they sum to {sum_:.4g}, or some are negative")
    return mass / total[..., None]


def centred(values: Tensor, real: Tensor) -> Tensor:
    """Values (…, items, dim) less their mean over real items, zero at padding; equal rows become exactly zero."""
    first = values.gather(-2, real.long().argmax(-1)[..., None, None].expand(*values.shape[:-2], 1, values.shape[-1]))
    differences = (values - first).masked_fill(~real[..., None], 0.0)
    sizes = real.sum(-1).clamp(min=1)[..., None, None]
    return (differences - differences.sum(-2, keepdim=True) / sizes).masked_fill(~real[..., None], 0.0)


class ColumnSpace(NamedTuple):
    """An orthonormal basis of the columns of the centred values.

    Attributes:
        basis: (…, items, k); columns from ``rank`` on are zero.
        rank: how many are not (…,), int64.
        singular_values: of the centred values (…, k).
        right: right singular vectors as rows (…, k, dim); rows from ``rank`` on are zero.
    """

    basis: Tensor
    rank: Tensor
    singular_values: Tensor
    right: Tensor


def column_space(values: Tensor, real: Tensor) -> ColumnSpace:
    """The columns of the centred values; with 1/√n they span the columns of [V, 1].

    Args:
        values: (…, items, dim), float64, zero at padding.
        real: True where an item is real (…, items).
    """
    matrix = centred(values, real)
    left, sigma, right = torch.linalg.svd(matrix, full_matrices=False)
    threshold = rounding_threshold(matrix, torch.linalg.matrix_norm(values), values.shape[-1] + 1)
    kept = sigma > threshold[..., None]
    left = left.masked_fill(~kept[..., None, :], 0.0)
    return ColumnSpace(left, kept.sum(-1), sigma, right.masked_fill(~kept[..., None], 0.0))
