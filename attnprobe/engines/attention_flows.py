"""Self-attention of all layers of a batch, with its gradients, from whole runs of the model on a few documents."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from attnprobe.attention.attachment import Attachment
from attnprobe.attention.checks import NONE
from attnprobe.attention.edited_runs import frozen, run_with
from attnprobe.attention.input_axes import rows_of
from attnprobe.attention.model_call import Inputs
from attnprobe.attention.selection import Selected
from attnprobe.attention.sites import ENCODER, SELF, Site
from attnprobe.attention.taps import Capture
from attnprobe.attention.token_axes import TokenAxes
from attnprobe.engines.items import Items
from attnprobe.engines.micro_batches import rows_at_once
from attnprobe.erasure.erasable import Flow, FlowLayer


def layers_of_flow(attachment: Attachment) -> list[tuple[Site, str]]:
    """The layers that attention flows through to the output, each with the rows that are read of it.

    There are none where not all of the model's attention is of every token to every token: with an encoder and a
    decoder it is of several kinds, and pooling has one row. An encoder that classifies by itself is one kind.
    """
    sites = attachment.sites.attention
    if {site.stack for site in sites} not in ({SELF}, {ENCODER}) or any(site.pools for site in sites):
        return []
    return [(site, reads) for site, reads in zip(sites, attachment.reads, strict=True) if reads != NONE]


def flows_of(
    attachment: Attachment, inputs: Inputs, items: Items, decision: Tensor, *, of_classes: bool
) -> Iterator[Flow]:
    """A batch, some documents after others.

    Args:
        attachment: a model that has :func:`layers_of_flow`.
        inputs: the batch.
        items: of the batch.
        decision: what is decided (batch,).
        of_classes: whether that is the class of a logit, so that there are gradients.
    """
    layers = layers_of_flow(attachment)
    axes = attachment.call.axes(inputs)
    rows = _shares_of_rows(*layers[-1], axes)
    heads = sum(site.heads for site, _ in layers)
    documents = torch.arange(axes.batch, device=rows.device)
    for part in torch.split(documents, rows_at_once(axes.lengths[0], heads)):
        of_part, real = rows_of(inputs, part, axes.batch), axes.source[part][:, None, :, None]
        seen = _run(attachment, [site for site, _ in layers], of_part, decision[part], of_classes)
        # What a model makes of rows of padding is of no account, and may be NaN.
        kept = [FlowLayer(*(torch.where(real, numbers, 0.0) for numbers in layer)) for layer in seen]
        here = Items(items.of_token[part], items.mask[part], items.sizes[part])
        yield Flow(kept, rows[part], here.sum)


def _shares_of_rows(last: Site, reads: str, axes: TokenAxes) -> Tensor:
    """Of the last layer's rows the one that is read, or all real ones alike (batch, tokens)."""
    chosen = Selected(last, torch.ones(last.heads, dtype=torch.bool), reads)
    read = chosen.rows(axes.queries(last), axes.read).double()
    return read / read.sum(-1, keepdim=True)


def _run(
    attachment: Attachment, sites: list[Site], inputs: Inputs, decision: Tensor, of_classes: bool
) -> list[FlowLayer]:
    taps = [Capture(differentiable=of_classes) for _ in sites]
    with frozen(attachment.call.model), torch.set_grad_enabled(of_classes):
        logits = run_with(attachment.call, inputs, sites, taps)
        seen = [tap.weights for tap in taps if tap.weights is not None]
        if not of_classes:
            return [FlowLayer(weights, torch.zeros_like(weights)) for weights in seen]
        gradients = torch.autograd.grad(logits.gather(1, decision[:, None]).sum(), seen, allow_unused=True)
    return [
        FlowLayer(weights.detach(), torch.zeros_like(weights) if gradient is None else gradient)
        for weights, gradient in zip(seen, gradients, strict=True)
    ]
