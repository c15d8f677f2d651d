"""What each attention head does by itself: erased whole, or in its most attended item, or in another one.

Three erasures a head, where the map of orders (:mod:`attnprobe.engines.head_map`) has eighteen: they say what a head is
worth to a decision, and not whether its order of the items is.
"""

from __future__ import annotations

import torch
from torch import Tensor

from attnprobe.engines.head_map import Layer, by_head, effects, of_weights, orders_of_heads, single_items

ERASURES = 3
"""Of a document in one head."""


def effect_rows(layer: Layer, seeds: Tensor) -> dict[str, Tensor]:
    """The columns for one layer and one batch: (documents × heads,), heads fastest.

    Args:
        layer: the batch.
        seeds: one integer a document, for the random other item (batch,).
    """
    sizes = layer.items.sizes
    weights, attention, random = orders_of_heads(layer, seeds)
    singles = single_items(layer, attention[..., 0], random)
    flips, js = effects(layer, torch.cat([torch.ones_like(singles[:, :, :1]), singles], dim=2))
    alone = sizes[:, None] < 2
    columns = {
        "n": sizes,
        **of_weights(layer, weights),
        "js_whole": js[..., 0],
        "flip_whole": flips[..., 0],
        "js_top": js[..., 1],
        "flip_top": flips[..., 1],
        "js_other": js[..., 2].masked_fill(alone, torch.nan),
        "flip_other": flips[..., 2].to(torch.int8).masked_fill(alone, -1),
    }
    return by_head(columns, weights.shape[1])
