"""Attention as the model computes it, nothing erased: every layer and head, every row over every token."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from attnprobe.attention.attachment import Attachment
from attnprobe.attention.edited_runs import run_with
from attnprobe.attention.model_call import Inputs
from attnprobe.attention.taps import Capture


class AttentionMap(NamedTuple):
    """One attention layer of a batch.

    Attributes:
        stack: ``self``, ``encoder``, ``decoder`` or ``cross``.
        layer: its number in the stack.
        weights: (batch, heads, queries, keys). Rows sum to one, or to less where an attention sink takes the rest.
    """

    stack: str
    layer: int
    weights: Tensor


def read_maps(attachment: Attachment, inputs: Inputs) -> Iterator[AttentionMap]:
    """All attention of one run of the model, layer by layer, in order of computation.

    Args:
        attachment: the model.
        inputs: the batch.
    """
    sites = attachment.sites.attention
    taps = [Capture() for _ in sites]
    with torch.no_grad():
        run_with(attachment.call, inputs, sites, taps)
    for site, tap in zip(sites, taps, strict=True):
        assert tap.weights is not None, "a site is an attention that the model computes"
        yield AttentionMap(site.stack, site.layer, tap.weights)
