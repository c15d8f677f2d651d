"""What attention heads averaged, and with which weights: one row of attention a document, head by head.

The row is the one that the decision is read from (``first`` or ``last``). Of a layer all of whose rows are read on, it
is one row a document, drawn by the document's seed among its real tokens.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from attnprobe.attention.attachment import Attachment
from attnprobe.attention.calls import intercepting
from attnprobe.attention.key_widths import KeyWidths
from attnprobe.attention.model_call import Inputs
from attnprobe.attention.refusals import RefusedError
from attnprobe.attention.selection import ALL, CONTINUED, Selected
from attnprobe.attention.taps import Tap
from attnprobe.attention.token_axes import TokenAxes


@dataclass(frozen=True)
class HeadReadings:
    """One attention layer of a batch: a row of attention a document.

    Attributes:
        stack: ``self``, ``encoder``, ``decoder`` or ``cross``; ``pooling`` for attention that pools a document.
        layer: its number in the stack.
        heads: numbers of the heads that were read.
        row: the position of the row in the document (batch,); −1 where attention has one row only.
        weights: in float64, of sum one (batch, heads, keys); zero where ``mask`` is False.
        values: what the weights average (batch, heads, keys, dim).
        mask: True for the keys that the row attends to (batch, heads, keys).
        key_width: d_k, None where scores are no products of queries and keys.
    """

    stack: str
    layer: int
    heads: tuple[int, ...]
    row: Tensor
    weights: Tensor
    values: Tensor
    mask: Tensor
    key_width: int | None


def read_heads(
    attachment: Attachment, selected: Sequence[Selected], inputs: Inputs, seeds: Tensor
) -> Iterator[HeadReadings]:
    """Weights and values of selected layers and heads, all from one run of the model.

    Where a row sums to less than one, because an attention sink takes the rest, its weights are divided by their sum.
    Keys whose weight is zero in the model's own type are masked out or as good as that, and left out.

    Args:
        attachment: the model.
        selected: layers, heads and rows.
        inputs: the batch.
        seeds: one integer a document (batch,), for the row of layers all of whose rows are read on.

    Raises:
        RefusedError: the values of a layer cannot be seen; the message names the layer.
    """
    axes = attachment.call.axes(inputs)
    rows = [_row(chosen, axes, seeds) for chosen in selected]
    widths = KeyWidths()
    taps = [KeepRow(row, widths) for row in rows]
    with (
        torch.no_grad(),
        widths,
        intercepting(
            attachment.call.model,
            dict(chosen.site.tapped(tap) for chosen, tap in zip(selected, taps, strict=True)),
        ),
    ):
        attachment.call(inputs)
    for chosen, row, tap in zip(selected, rows, taps, strict=True):
        yield _reading(chosen, row, tap, axes.keys(chosen.site))


class KeepRow(Tap):
    """Keeps one row of weights a document, and all values, and leaves everything as it is.

    Args:
        row: the row of each document (batch,).
        widths: asked for the width of the keys.

    Attributes:
        weights: (batch, heads, keys).
        values: (batch, heads, keys, dim), None where their layout is not known.
        key_width: d_k, if it was seen.
    """

    wants_values = True

    def __init__(self, row: Tensor, widths: KeyWidths) -> None:
        self._row = row
        self._widths = widths
        self.weights: Tensor | None = None
        self.values: Tensor | None = None
        self.key_width: int | None = None

    def edit(self, weights: Tensor, scores: Tensor | None) -> Tensor:
        """See :meth:`Tap.edit`."""
        documents = torch.arange(len(weights), device=weights.device)
        self.weights = weights[documents, :, self._row if weights.shape[2] > 1 else 0]
        self.key_width = self._widths.of(weights if scores is None else scores)
        return weights

    def context(self, values: Tensor | None, product: Tensor | None) -> None:
        """See :meth:`Tap.context`."""
        self.values = values


def _row(chosen: Selected, axes: TokenAxes, seeds: Tensor) -> Tensor:
    """The position of one selected row a document (batch,)."""
    rows = chosen.rows(axes.queries(chosen.site), axes.read)
    count = rows.sum(-1)
    drawn = chosen.query in (ALL, CONTINUED)
    number = seeds.to(rows.device).abs() % count.clamp(min=1) if drawn else torch.zeros_like(count)
    return ((rows.cumsum(-1) == number[:, None] + 1) & rows).int().argmax(-1)


def _reading(chosen: Selected, row: Tensor, tap: KeepRow, keys: Tensor) -> HeadReadings:
    site, heads = chosen.site, chosen.heads
    if tap.weights is None or tap.values is None:
        raise RefusedError(f"The values that {site.module} at {site.place} averages cannot be seen.")
    which = heads.to(keys.device)
    weights = tap.weights[:, which].double()
    mask = keys[:, None] & (weights > 0)
    weights = weights.masked_fill(~mask, 0.0)
    total = weights.sum(-1, keepdim=True)
    return HeadReadings(
        stack=site.stack,
        layer=site.layer,
        heads=tuple(torch.nonzero(heads)[:, 0].tolist()),
        row=row,
        weights=weights / total.masked_fill(total == 0, 1.0),
        values=tap.values[:, which, : keys.shape[1]].detach(),
        mask=mask,
        key_width=tap.key_width,
    )
