"""A model as it is, whatever mode of torch the caller is in, and whatever it is wrapped in."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import nn
from torch.nn.parallel import DataParallel, DistributedDataParallel


@contextlib.contextmanager
def in_own_mode(model: nn.Module) -> Iterator[None]:
    """Gradients can be asked for, and numbers are of the model's own formats: inference mode and autocast are off."""
    kinds = {"cpu", *(parameter.device.type for parameter in model.parameters())} - {"meta"}
    with contextlib.ExitStack() as stack:
        if torch.is_inference_mode_enabled():
            stack.enter_context(torch.inference_mode(False))
        for kind in kinds:
            if torch.is_autocast_enabled(kind):
                stack.enter_context(torch.autocast(kind, enabled=False))
        yield


def unwrapped(model: nn.Module) -> nn.Module:
    """The model itself, where it is wrapped to be run in several processes or on several devices.

    >>> unwrapped(DataParallel(nn.Linear(2, 1)))
    Linear(in_features=2, out_features=1, bias=True)
    """
    while isinstance(model, (DataParallel, DistributedDataParallel)):
        model = model.module
    return model
