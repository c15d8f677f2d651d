"""The role of the key, measured: in how many directions parameters can move the attention but not its output.

Let attention A(θ) be differentiable in θ: queries and keys, their projections, or a query alone. Near a point where
ranks do not jump, attention that θ realises with the same output forms a set of dimension

    rank (dA/dθ) − rank (d(AT)/dθ),

the first rank taken of the logits less their row means, because a softmax with positive weights loses a row's constant
and nothing else. Only rows that are read out belong in A. With keys fixed and one query free, ``dA = S K dq`` with
S = diag(a) − aaᵀ: dimension ``rank SK − rank TᵀSK``, generically max(0, min(d_k, n − 1) − d_v).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from attnprobe.erasure.arrays import Array, Mask, SeveralArrays, numpy_or_torch
from attnprobe.identifiability.value_space import (
    NumericalRank,
    as_batch,
    as_distributions,
    centred,
    rank_from_spectrum,
    rounding_threshold,
)


class TangentDimension(NamedTuple):
    """Directions in which attention can move without its output.

    Attributes:
        dimension: difference of the two ranks.
        attention: rank of the map from parameters to attention.
        output: rank of the map from parameters to the output.
    """

    dimension: Array
    attention: NumericalRank
    output: NumericalRank


@numpy_or_torch
def tangent_dimension(logits_of: Callable[..., Tensor], parameters: SeveralArrays, values: Array) -> TangentDimension:
    """The local dimension of the attention that parameters realise with an unchanged output, by two ranks.

    Args:
        logits_of: attention logits (rows, items) from the parameters, which it is given as float64 tensors, scaling
            included; rows that are read out only. For a layer (heads, rows, items): its output is the sum over heads.
        parameters: where to measure: for example (Q, K), (W_Q, W_K) with the input fixed, or a query.
        values: (items, dim), or (heads, items, dim) with the output projection in them.

    Returns:
        ``TangentDimension``; memory and time are those of a Jacobian of rows·items by all parameters.

    Raises:
        ValueError: logits that do not fit the values; NaN or infinite numbers.
    """
    numbers, real = as_batch(values, None)
    point = tuple(parameter.detach().double() for parameter in parameters)
    logits = logits_of(*point)
    if logits.dim() != numbers.dim() or (*logits.shape[:-2], logits.shape[-1]) != numbers.shape[:-1]:
        *heads, items, _ = numbers.shape
        raise ValueError(f"logits have shape {tuple(logits.shape)}, but {(*heads, 'rows', items)} is needed")
    if not bool(torch.isfinite(logits).all()):
        raise ValueError("logits hold NaN or infinite numbers")
    jacobians = torch.func.jacrev(logits_of, argnums=tuple(range(len(point))))(*point)
    moves = torch.cat([jacobian.reshape(*logits.shape, -1) for jacobian in jacobians], dim=-1)
    weights = torch.softmax(logits, -1)[..., None]
    moves = moves - moves.mean(-2, keepdim=True)
    of_weights = weights * (moves - (weights * moves).sum(-2, keepdim=True))
    of_output = torch.einsum("...id,...rip->rdp", centred(numbers, real), of_weights)
    attention, output = _rank(moves.flatten(0, -2)), _rank(of_output.flatten(0, -2))
    return TangentDimension(attention.rank - output.rank, attention, output)


@numpy_or_torch
def fixed_key_dimension(weights: Array, values: Array, keys: Array, mask: Mask = None) -> TangentDimension:
    """The same for one row whose keys are fixed and whose query is free: rank SK − rank TᵀSK.

    Args:
        weights: attention weights (items,) or (…, items).
        values: (…, items, dim).
        keys: (…, items, d_k).
        mask: True where an item is real (…, items).

    Returns:
        ``TangentDimension`` with the leading axes of ``weights``.

    Raises:
        ValueError: shapes that do not fit, NaN or infinite numbers, weights that are no distribution.
    """
    numbers, real = as_batch(values, mask)
    mass = as_distributions(weights, real)
    moves = centred(as_batch(keys, mask)[0], real)
    mean = (mass[..., None] * moves).sum(-2, keepdim=True)
    of_output = centred(numbers, real).transpose(-1, -2) @ (mass[..., None] * (moves - mean))
    # A weight of zero stays zero whatever the query.
    attention = _rank((moves - mean).masked_fill((mass == 0)[..., None], 0.0))
    output = _rank(of_output)
    return TangentDimension(attention.rank - output.rank, attention, output)


def _rank(matrix: Tensor) -> NumericalRank:
    # Derivatives and products carry a few more roundings than a matrix that is given.
    return rank_from_spectrum(torch.linalg.svdvals(matrix), 16 * rounding_threshold(matrix))
