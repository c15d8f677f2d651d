"""Divergences between discrete distributions, from log-probabilities, in nats, as plain functions on tensors.

Nothing is checked here and no format changed: this is what the engine calls on log-probabilities that it made itself.
The public functions, which check, are those of ``distributions``.
"""

from __future__ import annotations

import torch
from torch import Tensor

_FAR = 40.0
"""A log-ratio beyond which what a class adds changes by less than 1e-15."""


def js_divergence(log_p: Tensor, log_q: Tensor, *, dim: int = -1) -> Tensor:
    """Jensen-Shannon divergence, by a form that loses no digits when the two are almost equal.

    With m the mean of p and q, d = log p − log q, y = d/2 and s = sinh²(y/2), each class adds
    ``m (d tanh y − 2 log cosh y) / 2``, where log cosh y = log(1 + 2s) and tanh y = 2 √(s(1+s)) / (1 + 2s): the sign of
    a difference of two divergences is a result of its own.
    """
    distance = _log_ratio(log_p, log_q).abs_().clamp_(max=_FAR)
    s = torch.sinh(distance / 4).square_()
    per_class = distance.mul_(torch.sqrt(s * (1 + s)).mul_(2).div_(1 + 2 * s)).sub_(torch.log1p(2 * s), alpha=2)
    return per_class.mul_(log_p.exp() + log_q.exp()).sum(dim).div(4).clamp(min=0)


def kl_divergence(log_p: Tensor, log_q: Tensor, *, dim: int = -1) -> Tensor:
    """Kullback-Leibler divergence KL(p‖q); infinite where q is zero and p is not."""
    p = log_p.exp()
    return torch.where(p > 0, p * _log_ratio(log_p, log_q), 0.0).sum(dim).clamp(min=0)


def total_variation(log_p: Tensor, log_q: Tensor, *, dim: int = -1) -> Tensor:
    """Half of the sum of absolute differences."""
    return (log_p.exp() - log_q.exp()).abs().sum(dim).div(2)


def entropy(log_p: Tensor, *, dim: int = -1) -> Tensor:
    """Shannon entropy, to which −∞ adds nothing."""
    return -(log_p.exp() * log_p.clamp(min=torch.finfo(log_p.dtype).min)).sum(dim)


def _log_ratio(log_p: Tensor, log_q: Tensor) -> Tensor:
    """log p − log q, with 0 where both are zero probabilities."""
    return (log_p - log_q).nan_to_num_(nan=0.0, posinf=torch.inf, neginf=-torch.inf)
