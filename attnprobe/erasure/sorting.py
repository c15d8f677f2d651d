"""Sorting along the last axis, where an erasure test spends its time.

NumPy sorts with vector instructions, 10 to 30 times as fast as torch on a CPU; elsewhere torch sorts on the device.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def sort_ascending(values: Tensor) -> Tensor:
    """``values`` (…, items) in ascending order along the last axis."""
    if values.device.type != "cpu":
        return torch.sort(values, dim=-1).values
    return torch.from_numpy(np.sort(values.detach().numpy(), axis=-1))


def stable_order_descending(keys: Tensor) -> Tensor:
    """The permutation (…, items) that puts the largest of ``keys`` first; ties keep the earlier position first."""
    return torch.sort(keys.detach(), dim=-1, descending=True, stable=True).indices
