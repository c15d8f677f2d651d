"""Whether keys of a given width can realise attention weights: the rank of their logits.

``softmax(L) = A`` leaves a constant of each row of L free, L_ij = c_i + log A_ij, and the least rank over all c is that
of ``log A · P``, P = I − 11ᵀ/n: the dimension of the affine span of the columns of log A. Weights are attention for
some queries and keys of width d_k iff that rank is at most d_k (Bhardwaj et al. 2021, P4). Any n − 1 ≤ d_k will do, and
a *single* row always has rank 1 at most. With the keys given as well, row a is attention for some query iff log a lies
in the column space of [K, 1].
"""

from __future__ import annotations

import torch

from attnprobe.erasure.arrays import Array, Mask, numpy_or_torch
from attnprobe.identifiability.value_space import (
    PRACTICAL_TOLERANCES,
    NumericalRank,
    as_batch,
    centred,
    column_space,
    rank_from_spectrum,
    rounding_threshold,
)


@numpy_or_torch
def logit_rank(
    log_weights: Array, mask: Mask = None, *, tolerances: tuple[float, ...] = PRACTICAL_TOLERANCES
) -> NumericalRank:
    """The least rank of logits that give these attention weights.

    Args:
        log_weights: logarithms of the weights, or any logits that give them (…, rows, items): a constant added to a
            row changes nothing. In float64 where the exact rank is of interest.
        mask: True where an item is real (…, items); where there are as many rows as items, rows of padding are left
            out too.
        tolerances: shares of the largest singular value at which practical ranks are given.

    Returns:
        ``NumericalRank`` with the leading axes of ``log_weights``.

    Raises:
        ValueError: shapes that do not fit; NaN or infinite numbers: a weight of zero has no finite logit.
    """
    columns, real = as_batch(log_weights.transpose(-1, -2), mask)
    if mask is not None and log_weights.shape[-1] == log_weights.shape[-2]:
        columns = columns.masked_fill(~real[..., None, :], 0.0)
    matrix = centred(columns, real)
    # The logarithms carry the rounding of their own size, which is more than the matrix's where rows are shifted.
    threshold = rounding_threshold(matrix, torch.linalg.matrix_norm(columns))
    return rank_from_spectrum(torch.linalg.svdvals(matrix), threshold, tolerances)


@numpy_or_torch
def distance_from_keys(log_weights: Array, keys: Array, mask: Mask = None) -> Array:
    """How far the logits of each row are from any that the keys can give: zero iff some query realises the weights.

    Args:
        log_weights: logarithms of the weights (items,) or (…, items).
        keys: (items, d_k) or (…, items, d_k).
        mask: True where an item is real (…, items).

    Returns:
        (…,) the root mean square of log a less its projection onto the columns of [K, 1].

    Raises:
        ValueError: shapes that do not fit; NaN or infinite numbers.
    """
    numbers, real = as_batch(keys, mask)
    logs = centred(as_batch(log_weights[..., None], mask)[0], real)
    basis = column_space(numbers, real).basis
    rest = (logs - basis @ (basis.transpose(-1, -2) @ logs)).squeeze(-1)
    return (rest.square().sum(-1) / real.sum(-1).clamp(min=1)).sqrt()
