"""The distribution of greatest entropy among all that have a given output: fixed by the values and the output alone.

    max −Σ p_i log p_i   subject to   pT = o,  p ≥ 0,  Σ p = 1        has        p = softmax(Tλ),

and λ minimises the convex ``log Σ_i exp(t_i·λ) − o·λ``, a Newton iteration in as many variables as the rank of T. It is
unique, and strictly positive where o lies inside the convex hull of the values; on the boundary, where λ diverges, it
is the distribution of greatest entropy on the face that o lies in. Unlike effective attention it is a distribution.

Coordinates are those of an orthonormal basis of the centred values, so that the scale of the values does not matter.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from attnprobe.erasure.arrays import Array, Mask, numpy_or_torch
from attnprobe.identifiability.linear_programs import minimise
from attnprobe.identifiability.same_output import same_head_output
from attnprobe.identifiability.value_space import as_batch, column_space

_ITERATIONS = 300
_SCORES = 3.0
"""By how much one step may change a score."""

_RESIDUAL = 1e-12
"""At which Newton's iteration stops."""

_ACCEPTED = 1e-9
"""By how much an output may be missed, relative to the norm of the values."""

_ON_FACE = 1e-9
"""Items that no alternative gives more than this are off the face that the output lies in."""


@numpy_or_torch
def maxent_attention(values: Array, output: Array, mask: Mask = None) -> Array:
    """The maximum-entropy attention weights with a given head output.

    Args:
        values: what the weights average (items, dim) or (…, items, dim).
        output: their average under the attention weights (…, dim). Directions that its floating-point format cannot
            resolve are not held fixed.
        mask: True where an item is real (…, items).

    Returns:
        Weights (…, items): a distribution over the real items, zero at padding.

    Raises:
        ValueError: shapes that do not fit, NaN or infinite numbers, or an output that is no average of the values.

    >>> maxent_attention(torch.tensor([[0.0], [1.0], [2.0]]), torch.tensor([1.0]))
    tensor([0.3333, 0.3333, 0.3333])
    """
    numbers, real = as_batch(values, mask)
    if output.shape != (*values.shape[:-2], values.shape[-1]):
        raise ValueError(f"output has shape {tuple(output.shape)}, but {tuple(values[..., 0, :].shape)} is needed")
    if not bool(torch.isfinite(output).all() and real.any(-1).all()):
        raise ValueError("output holds NaN or infinite numbers, or a row has no real item")
    shape = real.shape
    numbers, real = numbers.reshape(-1, *values.shape[-2:]), real.reshape(-1, shape[-1])
    problem = _problem(numbers, real, output.reshape(-1, output.shape[-1]))
    weights, missed = _newton(problem)
    for row in torch.nonzero(missed)[:, 0].tolist():
        weights[row] = _on_the_face(problem, row)
    return weights.reshape(shape)


class _Problem(NamedTuple):
    """Find weights (batch, items) with ``features · weights = target``.

    Attributes:
        features: √n times an orthonormal basis of the centred values (batch, items, k); zero columns beyond the rank.
        target: (batch, k).
        strength: what a miss of the target means for the output, relative to the norm of the values (batch, k).
        real: (batch, items).
        accepted: by how much an output may be missed, relative to the norm of the values.
    """

    features: Tensor
    target: Tensor
    strength: Tensor
    real: Tensor
    accepted: float


def _problem(numbers: Tensor, real: Tensor, output: Tensor) -> _Problem:
    """Coordinates in which the scale of the values does not matter.

    Raises:
        ValueError: an output outside the affine span of the values; the message names the row.
    """
    space = column_space(numbers, real)
    sizes = real.sum(-1).clamp(min=1)[:, None]
    # An output of whole numbers is exact, and comes in float64.
    precision = torch.finfo(output.dtype).eps
    accepted = _ACCEPTED + 100 * precision
    norm = torch.linalg.matrix_norm(numbers)[:, None]
    resolved = space.singular_values > max(numbers.shape[-2:]) * precision * norm
    resolved &= torch.arange(resolved.shape[-1], device=real.device) < space.rank[:, None]
    offset = output.detach().double() - numbers.sum(-2) / sizes
    along = (space.right @ offset[..., None]).squeeze(-1)
    outside = torch.linalg.vector_norm(offset - (space.right.transpose(-1, -2) @ along[..., None]).squeeze(-1), dim=-1)
    bad = outside > accepted * torch.maximum(norm[:, 0], torch.linalg.vector_norm(offset, dim=-1))
    if bool(bad.any()):
        raise ValueError(f"the output of row {int(torch.nonzero(bad)[0])} is no average of its values")
    target = (along / space.singular_values.masked_fill(~resolved, 1.0)).masked_fill(~resolved, 0.0) * sizes.sqrt()
    features = space.basis.masked_fill(~resolved[:, None], 0.0) * sizes.sqrt()[..., None]
    strength = space.singular_values / norm.masked_fill(norm == 0, 1.0) / sizes.sqrt()
    return _Problem(features, target, strength, real, accepted)


def _newton(problem: _Problem) -> tuple[Tensor, Tensor]:
    """Weights (batch, items), and whether each row's output is missed (batch,).

    The third derivative of the dual along a step is bounded by the second times the range of the scores' change, so a
    step that changes no score by more than a few units is a step that Newton's quadratic model can be trusted with.
    """
    features, target = problem.features, problem.target
    multipliers = torch.zeros_like(target)
    idle = torch.diag_embed((features == 0).all(-2).double())
    identity = torch.eye(target.shape[-1], dtype=target.dtype, device=target.device)
    value, weights, gradient = _dual(problem, multipliers)
    for _ in range(_ITERATIONS):
        if not bool((gradient.abs() > _RESIDUAL).any()):
            break
        centred = features - (features * weights[..., None]).sum(-2, keepdim=True)
        hessian = centred.transpose(-1, -2) @ (centred * weights[..., None]) + idle
        ridge = 1e-14 * hessian.diagonal(dim1=-2, dim2=-1).amax(-1) + 1e-300
        step = -torch.linalg.solve(hessian + ridge[:, None, None] * identity, gradient)
        slope = (gradient * step).sum(-1)
        change = (features @ step[..., None]).squeeze(-1).abs().amax(-1)
        length = (_SCORES / change.clamp(min=1e-300)).clamp(max=1.0)
        for _ in range(30):
            tried = multipliers + length[:, None] * step
            new_value, _, new_gradient = _dual(problem, tried)
            lower = new_value <= value + 1e-4 * length * slope
            # Near the solution the value no longer tells; there the gradient does.
            near = slope.abs() < 1e-10 * value.abs().clamp(min=1.0)
            good = lower | (near & (new_gradient.abs().amax(-1) < gradient.abs().amax(-1)))
            if bool(good.all()):
                break
            length = torch.where(good, length, length / 2)
        if not bool(good.any()):
            break
        multipliers = torch.where(good[:, None], tried, multipliers)
        value, weights, gradient = _dual(problem, multipliers)
    return weights, (gradient.abs() * problem.strength > problem.accepted).any(-1)


def _dual(problem: _Problem, multipliers: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The dual's value (batch,), the weights it stands for, and its gradient (batch, k)."""
    scores = (problem.features @ multipliers[..., None]).squeeze(-1).masked_fill(~problem.real, -torch.inf)
    weights = torch.softmax(scores, -1)
    value = torch.logsumexp(scores, -1) - (multipliers * problem.target).sum(-1)
    return value, weights, (problem.features.transpose(-1, -2) @ weights[..., None]).squeeze(-1) - problem.target


def _on_the_face(problem: _Problem, row: int) -> Tensor:
    """Where Newton's iteration does not arrive: leave out the items that no distribution with this output uses."""
    real = problem.real[row]
    strength = problem.strength[row].cpu().numpy()
    matrix = problem.features[row, real].cpu().numpy() * strength
    goal = problem.target[row].cpu().numpy() * strength
    n, k = matrix.shape
    # min t with |matrixᵀa − goal| ≤ t: zero where the output is an average of the values.
    rows = np.block([[matrix.T, -np.ones((k, 1))], [-matrix.T, -np.ones((k, 1))]])
    sums = np.r_[np.ones(n), 0.0][None]
    found = minimise(
        np.r_[np.zeros(n), 1.0],
        np.vstack([rows, sums, -sums]),
        np.r_[goal, -goal, 1.0, -1.0],
        np.r_[np.ones(n), np.inf],
        always=2 * k + 2,
    )
    if found.value > problem.accepted:
        raise ValueError(f"the output of row {row} is no average of its values")
    feasible = found.point[:n] / found.point[:n].sum()
    features = problem.features[row]
    used = same_head_output(feasible, features[real].cpu().numpy()).extremes.high > _ON_FACE
    kept = real.clone()
    kept[real] = torch.from_numpy(used).to(real.device)
    on_face = feasible * used / (feasible * used).sum()
    mean = torch.from_numpy(on_face).to(features.device) @ features[real]
    weights, missed = _newton(_problem(features.masked_fill(~kept[:, None], 0.0)[None], kept[None], mean[None]))
    if bool(missed):
        raise ValueError(f"the maximum-entropy weights of row {row} were not found: Newton's iteration did not arrive")
    return weights[0]
