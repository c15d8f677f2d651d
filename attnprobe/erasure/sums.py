"""Sums over all items but one, without ever taking a term from a total."""

from __future__ import annotations

import torch
from torch import Tensor


def sums_without_each(terms: Tensor) -> Tensor:
    """For each item the sum of all other items' terms (batch, rows, items): of those after it and those before it."""
    sums = torch.nn.functional.pad(terms.flip(-1).cumsum_(-1).flip(-1)[..., 1:], (0, 1))
    sums[..., 1:] += terms.cumsum(-1)[..., :-1]
    return sums
