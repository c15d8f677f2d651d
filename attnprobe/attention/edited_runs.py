"""Runs of a model in which its attention is seen or edited, and when two of them agree."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from attnprobe.attention.calls import intercepting
from attnprobe.attention.model_call import Inputs, ModelCall
from attnprobe.attention.sites import Site
from attnprobe.attention.taps import Tap

TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-5, torch.float16: 2e-2, torch.bfloat16: 5e-2}
"""Two runs agree where they differ by no more than this share of the largest logit, and no more than this."""


def run_with(
    call: ModelCall, inputs: Inputs, sites: Sequence[Site], taps: Sequence[Tap], *, by_mask: bool = True
) -> Tensor:
    """The logits of a run in which these taps act at these sites."""
    with intercepting(
        call.model, dict(site.tapped(tap, by_mask=by_mask) for site, tap in zip(sites, taps, strict=True))
    ):
        return call(inputs)


def close(one: Tensor, other: Tensor) -> bool:
    """Whether two runs of a model agree, within ``TOLERANCE`` of their type."""
    if one.shape != other.shape or not bool(torch.isfinite(other).all()):
        return False
    scale = float(one.abs().amax().clamp(min=1.0))
    return float((one.double() - other.double()).abs().amax()) <= TOLERANCE[one.dtype] * scale


@contextlib.contextmanager
def frozen(model: nn.Module) -> Iterator[None]:
    """No parameter requires a gradient inside the context: what is differentiated is attention alone."""
    free = [parameter for parameter in model.parameters() if parameter.requires_grad]
    for parameter in free:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in free:
            parameter.requires_grad_(True)
