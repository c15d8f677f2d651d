"""Divergences between discrete distributions, from log-probabilities, in nats."""

from __future__ import annotations

import torch
from torch import Tensor

from attnprobe.arrays import Array, numpy_or_torch

_FAR = 40.0
"""A log-ratio beyond which what a class adds changes by less than 1e-15."""


@numpy_or_torch
def js_divergence(log_p: Array, log_q: Array, *, dim: int = -1) -> Array:
    """Jensen-Shannon divergence in nats: 0 for equal distributions, log 2 at most.

    With m the mean of p and q, d = log p − log q, y = d/2 and s = sinh²(y/2), each class adds
    ``m (d tanh y − 2 log cosh y) / 2``, where log cosh y = log(1 + 2s) and tanh y = 2 √(s(1+s)) / (1 + 2s). This loses
    no digits when the two are almost equal: the sign of a difference of two divergences is a result of its own.

    Args:
        log_p: log-probabilities (…, classes), −∞ allowed.
        log_q: the same, broadcast against ``log_p``.
        dim: the axis of the classes.

    Returns:
        (…), never negative.

    >>> import torch
    >>> js_divergence(torch.tensor([0.0, -torch.inf]), torch.tensor([-torch.inf, 0.0]))
    tensor(0.6931)
    """
    distance = _log_ratio(log_p, log_q).abs_().clamp_(max=_FAR)
    s = torch.sinh(distance / 4).square_()
    per_class = distance.mul_(torch.sqrt(s * (1 + s)).mul_(2).div_(1 + 2 * s)).sub_(torch.log1p(2 * s), alpha=2)
    return per_class.mul_(log_p.exp() + log_q.exp()).sum(dim).div(4).clamp(min=0)


@numpy_or_torch
def kl_divergence(log_p: Array, log_q: Array, *, dim: int = -1) -> Array:
    """Kullback-Leibler divergence KL(p‖q) in nats; infinite where q is zero and p is not.

    Args:
        log_p: log-probabilities (…, classes).
        log_q: the same.
        dim: the axis of the classes.

    Returns:
        (…), never negative.
    """
    p = log_p.exp()
    return torch.where(p > 0, p * _log_ratio(log_p, log_q), 0.0).sum(dim).clamp(min=0)


@numpy_or_torch
def total_variation(log_p: Array, log_q: Array, *, dim: int = -1) -> Array:
    """Total-variation distance, half of the sum of absolute differences: 0 to 1.

    Args:
        log_p: log-probabilities (…, classes).
        log_q: the same.
        dim: the axis of the classes.

    Returns:
        (…)
    """
    return (log_p.exp() - log_q.exp()).abs().sum(dim).div(2)


@numpy_or_torch
def entropy(log_p: Array, *, dim: int = -1) -> Array:
    """Shannon entropy in nats of log-probabilities (…, classes), where −∞ adds nothing.

    Args:
        log_p: log-probabilities (…, classes).
        dim: the axis of the classes.

    Returns:
        (…)
    """
    return -(log_p.exp() * log_p.clamp(min=torch.finfo(log_p.dtype).min)).sum(dim)


def _log_ratio(log_p: Tensor, log_q: Tensor) -> Tensor:
    """log p − log q, with 0 where both are zero probabilities."""
    return (log_p - log_q).nan_to_num_(nan=0.0, posinf=torch.inf, neginf=-torch.inf)
