"""How far distributions are apart, and how even one is: the public functions, from log-probabilities, in nats.

What is given must be log-probabilities: probabilities, logits and rows with NaN are refused, not measured wrongly. The
mathematics is in ``divergence``.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from attnprobe.erasure import divergence
from attnprobe.erasure.arrays import Array, numpy_or_torch

_SUM_TOLERANCE = 1e-3
"""How far probabilities may sum from one, beside what the rounding of their logarithms does to them."""


@numpy_or_torch
def js_divergence(log_p: Array, log_q: Array, *, dim: int = -1) -> Array:
    """Jensen-Shannon divergence in nats: 0 for equal distributions, log 2 at most.

    No digits are lost when the two are almost equal, so that the sign of a difference of two divergences holds.

    Args:
        log_p: log-probabilities (…, classes), −∞ allowed.
        log_q: the same, with as many axes, some of them perhaps of length one; or (classes,).
        dim: the axis of the classes.

    Returns:
        (…), never negative.

    Raises:
        ValueError: numbers that are no log-probabilities, the message names the row; shapes that do not fit.

    >>> import torch
    >>> js_divergence(torch.tensor([0.0, -torch.inf]), torch.tensor([-torch.inf, 0.0]))
    tensor(0.6931)
    """
    return divergence.js_divergence(*_two(log_p, log_q, dim), dim=dim)


@numpy_or_torch
def kl_divergence(log_p: Array, log_q: Array, *, dim: int = -1) -> Array:
    """Kullback-Leibler divergence KL(p‖q) in nats; infinite where q is zero and p is not.

    Args, raises: as :func:`js_divergence`.

    Returns:
        (…), never negative.
    """
    return divergence.kl_divergence(*_two(log_p, log_q, dim), dim=dim)


@numpy_or_torch
def total_variation(log_p: Array, log_q: Array, *, dim: int = -1) -> Array:
    """Total-variation distance, half of the sum of absolute differences: 0 to 1.

    Args, raises: as :func:`js_divergence`.

    Returns:
        (…)
    """
    return divergence.total_variation(*_two(log_p, log_q, dim), dim=dim)


@numpy_or_torch
def entropy(log_p: Array, *, dim: int = -1) -> Array:
    """Shannon entropy in nats of log-probabilities (…, classes), where −∞ adds nothing.

    Args:
        log_p: log-probabilities (…, classes).
        dim: the axis of the classes.

    Returns:
        (…)

    Raises:
        ValueError: numbers that are no log-probabilities; the message names the row.
    """
    return divergence.entropy(_log_probabilities("log_p", log_p, dim), dim=dim)


def _two(log_p: Tensor, log_q: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    p, q = _log_probabilities("log_p", log_p, dim), _log_probabilities("log_q", log_q, dim)
    axes = max(p.dim(), q.dim())
    alone = 1 in (p.dim(), q.dim()) and dim in (-1, axes - 1)
    fit = (p.dim() == q.dim() or alone) and p.shape[dim] == q.shape[dim if q.dim() == p.dim() else -1]
    if fit:
        pairs = zip(reversed(p.shape), reversed(q.shape), strict=False)
        fit = all(a == b or 1 in (a, b) for a, b in pairs)
    if not fit:
        raise ValueError(f"log_p and log_q have shapes {tuple(p.shape)} and {tuple(q.shape)}, which do not fit")
    return p, q


def _log_probabilities(name: str, given: Tensor, dim: int) -> Tensor:
    """Log-probabilities in float64.

    Rounding a logarithm moves its probability p by half an ε times p |log p|, which sum to ε log(classes) at most.
    """
    if not -given.dim() <= dim < given.dim() or not given.shape[dim]:
        raise ValueError(f"{name} has shape {tuple(given.shape)}, in which there are no classes along axis {dim}")
    exact = given.double()
    total = torch.logsumexp(exact.detach(), dim)
    tolerance = _SUM_TOLERANCE + torch.finfo(given.dtype).eps * (1 + math.log(given.shape[dim]))
    bad = ~(total.abs() <= tolerance)
    if bool(bad.any()):
        row = tuple(torch.nonzero(bad)[0].tolist())
        raise ValueError(
            f"{name} holds no log-probabilities{f' in row {row}' if row else ''}: their exponentials sum to "
            f"{float(total[row].exp()):.4g}, not to 1"
        )
    return exact
