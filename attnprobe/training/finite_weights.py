"""Weights that are no numbers: with them a model says nothing, whatever is erased."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor


def first_not_finite(weights: Iterable[tuple[str, Tensor]]) -> str | None:
    """The name of the first tensor that holds NaN or infinite numbers, or None.

    A tensor is added up first, in one pass over the memory and without a copy: a sum that is finite is one of finite
    numbers. Only where it is not, as sums of large numbers may be, each number is looked at.
    """
    for name, tensor in weights:
        if not tensor.is_floating_point() or torch.isfinite(tensor.detach().sum()):
            continue
        if not torch.isfinite(tensor).all():
            return name
    return None
