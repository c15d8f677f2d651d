"""What the last attention layer of a transformer encoder sees and computes, read off the model for whole batches."""

from __future__ import annotations

import copy
from typing import NamedTuple, cast

import torch
from torch import Tensor

from attnprobe.models.transformer.network import EncoderLayer, TransformerClassifier, TransformerEncoder


class FirstRow(NamedTuple):
    """The row of attention that the decision is read from.

    Attributes:
        logits: of the classes (documents, classes).
        scores: before the softmax (documents, heads, items), hugely negative at padding.
    """

    logits: Tensor
    scores: Tensor


class LastLayer(NamedTuple):
    """All heads of the last layer, in float64.

    Attributes:
        values: each head's values times its map to the layer's output, T = V D (documents, heads, items, d_e).
        log_weights: logarithms of attention weights (documents, heads, items, items).
    """

    values: Tensor
    log_weights: Tensor


@torch.no_grad()
def first_row(model: TransformerClassifier, inputs: dict[str, Tensor]) -> FirstRow:
    """Logits and scores of a batch; the model in evaluation mode."""
    hidden, mask, layer = _before_last(model.encoder, inputs)
    logits = model.encoder.head(layer(hidden, mask, 1)[:, 0])
    return FirstRow(logits, layer.attention.scores(hidden, mask, 1)[:, :, 0])


@torch.no_grad()
def last_layer(model: TransformerClassifier, inputs: dict[str, Tensor]) -> LastLayer:
    """Values and weights of a batch, everything computed in float64: rounding would be counted as rank."""
    hidden, mask, layer = _before_last(copy.deepcopy(model.encoder).double(), inputs)
    values = layer.attention.values(hidden) @ layer.attention.output_maps()
    return LastLayer(values, torch.log_softmax(layer.attention.scores(hidden, mask), dim=-1))


def _before_last(encoder: TransformerEncoder, inputs: dict[str, Tensor]) -> tuple[Tensor, Tensor, EncoderLayer]:
    """What the last layer is given, and the layer."""
    hidden, mask = encoder.embedded(inputs["input_ids"]), inputs["attention_mask"]
    for layer in encoder.layers[:-1]:
        hidden = layer(hidden, mask)
    return hidden, mask, cast(EncoderLayer, encoder.layers[-1])
