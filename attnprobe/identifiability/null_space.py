"""Nullity: the number of directions in which attention weights can move without changing the head's output.

A row's weights a, all positive after a softmax, are the only distribution with output aT exactly when the left null
space of [T, 1] is zero; its dimension is ``n − rank [T, 1]``, at full rank ``max(n − d − 1, 0)`` (Bhardwaj et al. 2021,
with the rows' sums among the constraints). Nullity says *whether* weights can move; ``weight_range`` says how far.

Items with equal values (repeated tokens without positions) add to the nullity however large d is. They have equal keys
too, so equal scores: ``distinct`` counts values that differ, and ``nullity_of_distinct`` leaves repetitions out.

The network sees the sum of its heads. Of one row of all h heads the joint null space has dimension
``h n − rank [T₁; …; T_h | I_h ⊗ 1]``, and centring each T makes that rank ``h + rank [PT₁; …; PT_h]``; at full rank the
nullity is ``max(h n − d_e − h, 0)``, whether heads are concatenated or added.
"""

from __future__ import annotations

from typing import NamedTuple

import torch

from attnprobe.erasure.arrays import Array, Mask, numpy_or_torch
from attnprobe.identifiability.value_space import (
    PRACTICAL_TOLERANCES,
    NumericalRank,
    as_batch,
    centred,
    rank_from_spectrum,
    rounding_threshold,
)

_FLOAT32_EPSILON = 2.0**-23


class Nullity(NamedTuple):
    """The left null space of [V, 1], never a bare number; every field but ``tolerances`` is (…,) or as told.

    Attributes:
        nullity: ``items − rank``, the dimension of the null space, int64.
        rank: of [V, 1]: one more than that of the centred values, int64; 0 without items.
        items: number of real items (in all heads, for a layer), int64.
        distinct: number of real items whose values differ (a layer's: summed over heads), int64.
        gap: last singular value of the centred values above rounding over the next; ∞ where there is none, NaN where
            no centred value is above rounding.
        practical_ranks: ranks of [V, 1] when singular values of the centred values below each tolerance times the
            largest are left out (…, tolerances), int64.
        tolerances: those tolerances.
    """

    nullity: Array
    rank: Array
    items: Array
    distinct: Array
    gap: Array
    practical_ranks: Array
    tolerances: tuple[float, ...]

    @property
    def nullity_of_distinct(self) -> Array:
        """``distinct − rank``: the nullity once items with equal values count as one."""
        return self.distinct - self.rank


@numpy_or_torch
def nullity(values: Array, mask: Mask = None, *, tolerances: tuple[float, ...] = PRACTICAL_TOLERANCES) -> Nullity:
    """The nullity of [V, 1] of each row of attention (Bhardwaj et al. 2021, §3; Brunner et al. 2020).

    Args:
        values: what the weights average (items, dim), or (…, items, dim); a head's values V, or V times its slice of
            the output projection, which has the same null space where that slice has full row rank. Numbers are taken
            as they are: a product formed in float32 carries its rounding as rank, so form it in float64.
        mask: True where an item is real (…, items).
        tolerances: shares of the largest singular value at which practical ranks are given.

    Returns:
        ``Nullity`` with the leading axes of ``values``.

    Raises:
        ValueError: shapes that do not fit, NaN or infinite values.

    >>> found = nullity(torch.tensor([[0.0], [1.0], [2.0]]))
    >>> int(found.nullity), int(found.rank)
    (1, 2)
    """
    numbers, real = as_batch(values, mask)
    matrix = centred(numbers, real)
    sigma = torch.linalg.svdvals(matrix)
    threshold = rounding_threshold(matrix, torch.linalg.matrix_norm(numbers), values.shape[-1] + 1)
    return _nullity(rank_from_spectrum(sigma, threshold, tolerances), real.sum(-1), distinct_rows(numbers, real), 1)


@numpy_or_torch
def joint_nullity(values: Array, mask: Mask = None, *, tolerances: tuple[float, ...] = PRACTICAL_TOLERANCES) -> Nullity:
    """The joint nullity of one row of all heads: how many ways lead to the same *layer* output Σ_h a_h T_h.

    Args:
        values: (…, heads, items, dim), each head's values times its slice of the output projection: what is summed.
        mask: True where an item is real (…, items), the same for all heads.
        tolerances: as for :func:`nullity`.

    Returns:
        ``Nullity`` with the leading axes of ``values``; ``items`` counts h·n.

    Raises:
        ValueError: shapes that do not fit, NaN or infinite values.
    """
    if values.dim() < 3:
        raise ValueError(f"values have shape {tuple(values.shape)}, but (…, heads, items, dim) is needed")
    # One axis for the heads; a mask of the items alone needs none.
    numbers, real = as_batch(values, mask if mask is None or mask.dim() == 1 else mask[..., None, :])
    stacked = centred(numbers, real).flatten(-3, -2)
    norm = torch.linalg.matrix_norm(numbers.flatten(-3, -2))
    threshold = rounding_threshold(stacked, norm, values.shape[-1] + values.shape[-3])
    found = rank_from_spectrum(torch.linalg.svdvals(stacked), threshold, tolerances)
    heads = (real.any(-1)).sum(-1)
    return _nullity(found, real.sum((-1, -2)), distinct_rows(numbers, real).sum(-1), heads)


def _nullity(found: NumericalRank, items: Array, distinct: Array, ones: Array) -> Nullity:
    constant = (items > 0).long() * ones
    rank = found.rank + constant
    practical = found.practical + constant[..., None]
    return Nullity(items - rank, rank, items, distinct, found.gap, practical, found.tolerances)


@numpy_or_torch
def published_rank(values: Array, mask: Mask = None) -> NumericalRank:
    """The rank of V alone as NumPy counts it in float32: no column of ones, threshold 2⁻²³ · max(n, d) · σ₁.

    This is the count behind figures of rank against length; use :func:`nullity` to decide on uniqueness.

    Args, raises: as :func:`nullity`.
    """
    numbers, real = as_batch(values, mask)
    sigma = torch.linalg.svdvals(numbers)
    size = real.sum(-1).clamp(min=values.shape[-1])
    return rank_from_spectrum(sigma, _FLOAT32_EPSILON * size * sigma[..., :1].sum(-1))


def distinct_rows(values: Array, real: Array) -> Array:
    """How many real rows of (…, items, dim) differ, (…,): equal ones are found side by side after a sort.

    The sort is by one random projection, which is equal for equal rows; neighbours are then compared exactly.
    """
    generator = torch.Generator().manual_seed(0)
    direction = torch.rand(values.shape[-1], generator=generator, dtype=torch.float64).to(values.device)
    keys = (values * direction).sum(-1).masked_fill(~real, torch.inf)
    order = keys.argsort(-1)
    ordered = values.gather(-2, order[..., None].expand_as(values))
    differs = (ordered[..., 1:, :] != ordered[..., :-1, :]).any(-1)
    both = torch.arange(1, real.shape[-1], device=real.device) < real.sum(-1, keepdim=True)
    return (differs & both).sum(-1) + (real.sum(-1) > 0)
