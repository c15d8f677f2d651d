"""Greedy erasure: after each removal ask the gradient again what to remove next."""

from __future__ import annotations

import torch
from torch import Tensor

from attnprobe.engines.items import Items
from attnprobe.engines.protocol import Attended, Engine


def greedy_order(engine: Engine, items: Items) -> Tensor:
    """Orderings (batch, items), up to the flip: −1 behind it.

    With what is left of a row's weights, a, and gradients g of the decision's probability p_y at them, erasing key i a
    little, the row's sum kept, changes p_y at the rate −aᵢ (gᵢ − Σ aⱼ gⱼ / Σ aⱼ). Summed over an item's tokens and over
    all rows, heads and layers that are selected, this says how fast p_y falls; the item for which it falls fastest is
    erased next. It costs a pass forwards and backwards a removal, and is the attainable reference where no exact
    smallest set is known.

    Args:
        engine: a batch, ready for erasures.
        items: of the batch.
    """
    erased = torch.zeros_like(items.mask)
    place = torch.full(items.mask.shape, items.mask.shape[1], device=items.mask.device)
    active = torch.arange(len(items.mask), device=items.mask.device)
    for step in range(items.mask.shape[1]):
        active = active[items.sizes[active] > step]
        for start in range(0, len(active), engine.at_once):
            part = active[start : start + engine.at_once]
            here = Items(items.of_token[part], items.mask[part], items.sizes[part])
            left = engine.attended_after(part, items.tokens(part, erased[part]))
            fall = here.sum(torch.stack([_fall(layer) for layer in left]).sum(0))
            chosen = fall.masked_fill(erased[part] | ~items.mask[part], -torch.inf).argmax(-1)
            erased[part, chosen] = True
            place[part, chosen] = step
        kept = torch.ones(len(active), dtype=torch.bool, device=active.device)
        for rows, logits in engine.evaluate(active, items.tokens(active, erased[active])):
            kept[rows] = ~engine.flips(logits, active[rows])
        active = active[kept]
        if not len(active):
            break
    ordered = place < items.mask.shape[1]
    order = torch.argsort(place, dim=-1, stable=True)
    return order.masked_fill_(~ordered.gather(1, order), -1)


def _fall(layer: Attended) -> Tensor:
    """How fast the probability falls when each key is erased in all selected rows of a layer (batch, keys)."""
    heads = layer.selected.heads.to(layer.weights.device)
    weights, gradients = layer.weights[:, heads].double(), layer.gradients[:, heads].double()
    products = weights * gradients
    total = weights.sum(-1, keepdim=True)
    mean = products.sum(-1, keepdim=True) / total.masked_fill(total == 0, 1.0)
    return ((products - weights * mean) * layer.rows[:, None, :, None]).sum((1, 2))
