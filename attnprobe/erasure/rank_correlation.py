"""Kendall's tau of many documents at once."""

from __future__ import annotations

import torch
from torch import Tensor

_PAIRS = 1 << 22
"""Pairs of items that are compared at once."""


def kendall_tau(first: Tensor, second: Tensor, mask: Tensor) -> Tensor:
    """Kendall's tau-b of two numbers an item (documents,), over the items of each document.

    Concordant less discordant pairs, over the root of the pairs that are no tie in the first times those that are none
    in the second (Kendall 1945; that of ``scipy.stats.kendalltau``). NaN where either is the same for all items.

    Args:
        first, second: (documents, items).
        mask: True where an item is real (documents, items).
    """
    at_once = max(1, _PAIRS // max(1, mask.shape[1] ** 2))
    parts = (torch.split(each, at_once) for each in (first, second, mask))
    return torch.cat([_of_some(*of_some) for of_some in zip(*parts, strict=True)])


def _of_some(first: Tensor, second: Tensor, mask: Tensor) -> Tensor:
    real = mask[:, :, None] & mask[:, None, :]
    one, other = ((each[:, :, None] - each[:, None, :]).sign() * real for each in (first, second))
    agreement = (one * other).sum((1, 2)).double()
    untied = [(each != 0).sum((1, 2)).double() for each in (one, other)]
    return agreement / (untied[0] * untied[1]).sqrt()
