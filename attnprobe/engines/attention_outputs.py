"""What items are of what attention gives in a row: weighted values of all selected heads, mapped on by the layer.

c_ij = Σ_h Σ_k a_hik v_hk D_h over the tokens k of item j, and o_i the same over all tokens, those in no item too: the
layer's output beside its bias, as far as the selected heads make it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from attnprobe.attention.edited_runs import run_with
from attnprobe.attention.input_axes import rows_of
from attnprobe.attention.model_call import Inputs, ModelCall
from attnprobe.attention.selection import Selected
from attnprobe.attention.taps import CaptureValues
from attnprobe.engines.items import Items
from attnprobe.engines.micro_batches import rows_at_once
from attnprobe.erasure.erasable import OutputProducts

_NUMBERS = 1 << 22
"""Of the vectors of rows and items that are held at once: 32 MB in float64."""


def outputs_of_attention(
    call: ModelCall, selected: Sequence[Selected], maps: Sequence[Tensor], inputs: Inputs, items: Items
) -> Iterator[list[OutputProducts]]:
    """The products of each selected layer, a document after another.

    Args:
        call: the model.
        selected: layers, heads and rows.
        maps: of each layer D (heads, d_v, width).
        inputs: the batch.
        items: of the batch.
    """
    axes = call.axes(inputs)
    rows = [chosen.rows(axes.queries(chosen.site), axes.read) for chosen in selected]
    heads = sum(chosen.site.heads for chosen in selected)
    documents = torch.arange(axes.batch, device=items.mask.device)
    for part in torch.split(documents, rows_at_once(max(length or 0 for length in axes.lengths), heads)):
        taps = [CaptureValues() for _ in selected]
        with torch.no_grad():
            run_with(call, rows_of(inputs, part, axes.batch), [chosen.site for chosen in selected], taps)
        for place, document in enumerate(part.tolist()):
            layers = []
            for chosen, tap, of_layer, of_rows in zip(selected, taps, maps, rows, strict=True):
                assert tap.weights is not None, "the model has run"
                assert tap.values is not None, "they were seen when the map was"
                which = chosen.heads.to(of_layer.device)
                weights = tap.weights[place, which][:, of_rows[document]].double()
                mapped = tap.values[place, which].double() @ of_layer[which].double()
                layers.append(_products(weights, mapped, items, document))
            yield layers


def _products(weights: Tensor, mapped: Tensor, items: Items, document: int) -> OutputProducts:
    """Of weights (heads, rows, tokens) and mapped values (heads, tokens, width) of a document."""
    tokens = items.of_token.shape[1]
    mapped = mapped[:, :tokens].masked_fill(~torch.isfinite(mapped[:, :tokens]), 0.0)  # of padding they may be anything
    of_item = torch.nn.functional.one_hot(items.of_token[document] + 1, items.mask.shape[1] + 1)[:, 1:].to(mapped)
    parts = []
    step = max(1, _NUMBERS // max(1, mapped[0].numel()))
    for some in torch.split(weights[..., :tokens], step, dim=1):
        output = torch.einsum("hqk,hkw->qw", some, mapped)
        of_tokens = torch.einsum("hqk,hkw->qkw", some, mapped)
        of_items = torch.einsum("qkw,kj->qjw", of_tokens, of_item)
        parts.append(
            OutputProducts(
                of_items.square().sum(-1),
                torch.einsum("qjw,qw->qj", of_items, output),
                output.square().sum(-1, keepdim=True),
            )
        )
    if not len(weights[0]):  # the document has no such row
        parts = [OutputProducts(*(mapped.new_zeros(1, width) for width in (len(of_item[0]), len(of_item[0]), 1)))]
    return OutputProducts(*(torch.cat(numbers)[None] for numbers in zip(*parts, strict=True)))
