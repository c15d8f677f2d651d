"""Alternatives that queries and keys can realise, found: least squares on the parameters themselves.

That a random element of the null space cannot be realised by keys of width d_k is no evidence that none can: realisable
attention is a set of lower dimension, which random elements miss with probability one. So from perturbed parameters
minimise ``‖A(θ)T − A(θ₀)T‖²``; where that reaches zero, A(θ) is attention with the same output by construction. Not
finding one proves nothing; ``tangent_ranks`` tells whether there are any nearby.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from scipy.optimize import least_squares
from torch import Tensor

from attnprobe.erasure.arrays import Array, SeveralArrays, numpy_or_torch, whole_number
from attnprobe.identifiability.linear_programs import Numbers
from attnprobe.identifiability.value_space import as_batch, centred

_RESIDUAL = 1e-9
"""By how much an output may differ, relative to the largest value."""


class Realised(NamedTuple):
    """Attention with the same output, and the parameters that give it.

    Attributes:
        weights: (rows, items), float64.
        parameters: as given to the search, moved.
        residual: largest difference of an output from the observed one, relative to the largest centred value.
        total_variation: distance of each row from the observed one (rows,).
    """

    weights: Tensor
    parameters: tuple[Tensor, ...]
    residual: float
    total_variation: Tensor


@numpy_or_torch
def realisable_alternatives(
    logits_of: Callable[..., Tensor],
    parameters: SeveralArrays,
    values: Array,
    starts: int = 5,
    spread: float = 1.0,
    seed: int = 0,
) -> list[Realised]:
    """Search for other parameters whose attention has the same output.

    Args:
        logits_of: attention logits (rows, items) from the parameters, which it is given as float64 tensors, scaling
            included.
        parameters: the observed ones.
        values: (items, dim).
        starts: how many searches.
        spread: standard deviation of what is added to every parameter at a start.
        seed: of the random numbers.

    Returns:
        One ``Realised`` for each search that met the output to 1e-9, the farthest from the observed weights first;
        empty where none did. In float64, in which they were checked.

    Raises:
        ValueError: NaN or infinite values; ``starts`` or ``seed`` is no whole number.
    """
    starts, seed = whole_number("starts", starts, 0), whole_number("seed", seed, 0)
    numbers, real = as_batch(values, None)
    moved = centred(numbers, real)
    scale = float(moved.abs().max()) or 1.0
    point = tuple(parameter.detach().double() for parameter in parameters)
    sizes = [parameter.numel() for parameter in point]
    observed = torch.softmax(logits_of(*point), -1)
    target = observed @ moved / scale

    def unpack(flat: Tensor) -> tuple[Tensor, ...]:
        return tuple(part.reshape(like.shape) for part, like in zip(torch.split(flat, sizes), point, strict=True))

    def missed(flat: Tensor) -> Tensor:
        return (torch.softmax(logits_of(*unpack(flat)), -1) @ moved / scale - target).reshape(-1)

    def missed_numbers(flat: Numbers) -> Numbers:
        return np.asarray(missed(torch.from_numpy(flat)))

    def jacobian(flat: Numbers) -> Numbers:
        return np.asarray(torch.func.jacrev(missed)(torch.from_numpy(flat)))

    generator = np.random.default_rng(seed)
    start = torch.cat([parameter.reshape(-1) for parameter in point]).numpy()
    found = []
    for _ in range(starts):
        perturbed = start + spread * generator.standard_normal(len(start))
        fitted = least_squares(missed_numbers, perturbed, jacobian, xtol=1e-15, ftol=1e-15, gtol=1e-15, max_nfev=500)
        residual = float(np.abs(fitted.fun).max())
        if residual <= _RESIDUAL:
            reached = unpack(torch.from_numpy(fitted.x))
            weights = torch.softmax(logits_of(*reached), -1)
            found.append(Realised(weights, reached, residual, (weights - observed).abs().sum(-1) / 2))
    return sorted(found, key=lambda one: -float(one.total_variation.mean()))
