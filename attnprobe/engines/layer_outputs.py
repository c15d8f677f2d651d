"""What items are of what a layer as a whole gives in a row: the layer runs again with their values at zero.

A layer is the block that its attention is in, to its end, behind its feed-forward network (Mohebbi et al. 2023). A
value at zero is a weight at zero, and nothing is rescaled. c_ij is what the layer gives in row i less what it gives
then.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from attnprobe.attention.attachment import Attachment
from attnprobe.attention.blocks import Needed, hidden_of, recording, replaying
from attnprobe.attention.calls import intercepting
from attnprobe.attention.input_axes import rows_of
from attnprobe.attention.model_call import Inputs
from attnprobe.attention.selection import Selected
from attnprobe.attention.taps import StopModel, Tap
from attnprobe.engines.items import Items
from attnprobe.engines.micro_batches import rows_at_once
from attnprobe.erasure.erasable import OutputProducts


class LayerEnd:
    """One layer of a batch, run once, and again with values at zero.

    Args:
        attachment: a model with blocks.
        chosen: the layer, heads and rows.
        inputs: the batch.

    Attributes:
        whole: what it gives (batch, queries, width).
        rows: True where a row is selected (batch, queries).
        keys: True where a key is a real token (batch, keys).
    """

    def __init__(self, attachment: Attachment, chosen: Selected, inputs: Inputs) -> None:
        self._attachment, self._chosen, self._inputs = attachment, chosen, inputs
        self._start = attachment.within[chosen.site]
        self._axes = attachment.call.axes(inputs)
        needed = Needed.to_start_at(attachment.calls, self._start)
        needed = Needed(needed.inputs, needed.outputs | {self._start})
        with torch.no_grad(), recording(attachment.call.model, attachment.blocks, needed) as self._record:
            attachment.call(inputs)
        self.whole = hidden_of(self._record.outputs[self._start])
        self.rows = chosen.rows(self._axes.queries(chosen.site), self._axes.read)
        self.keys = self._axes.keys(chosen.site)

    @torch.no_grad()
    def without(self, documents: Tensor, tokens: Tensor) -> Tensor:
        """What it gives (runs, queries, width) of documents (runs,) with the values of tokens (runs, keys) at zero."""
        attachment, chosen, start = self._attachment, self._chosen, self._start
        zeroed = tokens[:, None, None, :] & chosen.heads.to(tokens.device)[None, :, None, None]
        behind = [site for site in attachment.sites.attention if attachment.within[site] > start][:1]
        tapped = dict([chosen.site.tapped(_Zero(zeroed)), *(site.tapped(_Stop()) for site in behind)])
        model, batch = attachment.call.model, self._axes.batch
        with (
            contextlib.suppress(StopModel),
            replaying(model, self._record, start, documents, batch),
            recording(model, attachment.blocks, Needed(outputs=frozenset({start}))) as record,
            intercepting(model, tapped, skipped=attachment.skipped_before(start)),
        ):
            attachment.call(rows_of(self._inputs, documents, batch))
        return hidden_of(record.outputs[start])

    def products(self, items: Items) -> list[OutputProducts]:
        """What items are of it, of each document; one that has none of the rows has a row of zeros."""
        found = []
        for gives, rows in zip(self.whole, self.rows, strict=True):
            whole = gives[rows].double() if bool(rows.any()) else gives.new_zeros(1, gives.shape[-1]).double()
            shape = (1, len(whole), items.mask.shape[1])
            own, with_output = whole.new_zeros(shape), whole.new_zeros(shape)
            found.append(OutputProducts(own, with_output, whole.square().sum(-1, keepdim=True)[None]))
        document, item = items.mask.nonzero(as_tuple=True)
        places = torch.arange(items.mask.shape[1], device=item.device)
        size = rows_at_once(max(length or 0 for length in self._axes.lengths), self._chosen.site.heads)
        for of, which in zip(torch.split(document, size), torch.split(item, size), strict=True):
            given = self.without(of, items.tokens(of, places == which[:, None]))
            for run, (number, place) in enumerate(zip(of.tolist(), which.tolist(), strict=True)):
                rows = self.rows[number]
                whole = self.whole[number][rows].double()
                part = whole - given[run][rows].double()
                if len(part):
                    found[number].own[0, :, place] = part.square().sum(-1)
                    found[number].with_output[0, :, place] = (part * whole).sum(-1)
        return found


def outputs_of_layers(
    attachment: Attachment, selected: Sequence[Selected], inputs: Inputs, items: Items
) -> Iterator[list[OutputProducts]]:
    """The products of each selected layer, a document after another.

    Args:
        attachment: a model with blocks.
        selected: layers, heads and rows.
        inputs: the batch.
        items: of the batch.
    """
    layers = [LayerEnd(attachment, chosen, inputs).products(items) for chosen in selected]
    for document in zip(*layers, strict=True):
        yield list(document)


class _Zero(Tap):
    """Sets weights to zero, and the others stay as they are."""

    def __init__(self, zeroed: Tensor) -> None:
        self._zeroed = zeroed

    def edit(self, weights: Tensor, scores: Tensor | None) -> Tensor:
        """See :meth:`Tap.edit`."""
        return weights.masked_fill(self._zeroed, 0.0)


class _Stop(Tap):
    """Ends the run at the next attention, behind which nothing is wanted."""

    def edit(self, weights: Tensor, scores: Tensor | None) -> Tensor:
        """See :meth:`Tap.edit`."""
        raise StopModel
