"""Edges: which query positions are cut off from which key positions, as masks of the attention of a run."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

_LAYERS, _HEADS = 4, 5
"""Axes of edges that are told layer by layer, and head by head beside that; with fewer they are those of all."""


def edges_of_layers(edges: Tensor, layers: int) -> list[Tensor]:
    """The edges of each selected layer (batch or 1, heads or 1, queries or 1, keys).

    Args:
        edges: True where a query no longer attends to a key: (batch, queries, keys), the same in every layer and head;
            (layers, batch, queries, keys); or (layers, batch, heads, queries, keys). Axes but that of the keys may have
            length one, where what follows is the same for all.
        layers: how many are selected.

    Raises:
        ValueError: they have other axes, or another number of layers.
    """
    shape = tuple(edges.shape)
    if not 3 <= edges.dim() <= _HEADS:
        raise ValueError(
            f"edges have shape {shape}, but (batch, queries, keys), (layers, batch, queries, keys) or "
            "(layers, batch, heads, queries, keys) is needed"
        )
    whole = edges if edges.dim() >= _LAYERS else edges[None]
    whole = whole if whole.dim() == _HEADS else whole[:, :, None]
    if len(whole) not in (1, layers):
        raise ValueError(f"edges have shape {shape}, for {len(whole)} layers, but {layers} are selected")
    return list(whole.expand(layers, *whole.shape[1:]))


def edges_of_run(edges: Tensor, weights: Tensor, generated: int) -> Tensor:
    """The edges that are cut in a run, as a mask of its weights (batch, heads, queries, keys).

    Args:
        edges: of the layer (batch or 1, heads or 1, queries or 1, keys).
        weights: what the layer computes in this run.
        generated: how many tokens the model has added since; nothing is cut from them or to them. Where rows are kept
            in a cache, those that are computed are the last.

    Raises:
        ValueError: the run's attention has another shape.
    """
    if generated:
        rows = generated if edges.shape[-2] > 1 else 0
        edges = functional.pad(edges, (0, generated, 0, rows))[..., -weights.shape[-2] :, :]
    fits = zip(edges.shape[:-1], weights.shape[:-1], strict=True)
    if edges.shape[-1] != weights.shape[-1] or any(length not in (1, needed) for length, needed in fits):
        raise ValueError(
            f"edges of a layer have shape {tuple(edges.shape)} (batch, heads, queries, keys), but the attention that "
            f"is computed has {tuple(weights.shape)}"
        )
    return torch.broadcast_to(edges.to(weights.device), weights.shape)
