"""Gradient clipping that counts sparse gradients as they act."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from attnprobe.settings.training import TrainingSettings


def limit_gradients(parameters: Iterable[nn.Parameter], settings: TrainingSettings) -> None:
    """Clip gradients in place, by global norm or by value, the touched rows of the embedding included.

    A sparse gradient is summed by row first, as its norm is that of the sums.
    """
    gradients = []
    for parameter in parameters:
        if parameter.grad is None:
            continue
        if parameter.grad.is_sparse:
            parameter.grad = parameter.grad.coalesce()
            gradients.append(parameter.grad._values())  # the gradient's own storage: values() would refuse edits
        else:
            gradients.append(parameter.grad)
    if settings.gradient_value is not None:
        torch._foreach_clamp_min_(gradients, -settings.gradient_value)
        torch._foreach_clamp_max_(gradients, settings.gradient_value)
    if settings.gradient_norm is not None:
        norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
        torch._foreach_mul_(gradients, (settings.gradient_norm / (norm + 1e-6)).clamp(max=1.0))
