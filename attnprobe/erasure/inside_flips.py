"""Of first flips whether they happen inside of what the model was trained on, and the first ones that do."""

from __future__ import annotations

import torch
from torch import Tensor

from attnprobe.erasure.orderings import ranks
from attnprobe.erasure.pooled_states import PooledStates
from attnprobe.erasure.state_names import FLIP_P, OUTSIDE, REMOVED_INSIDE
from attnprobe.erasure.validation_states import ValidationStates

_HELD = 1 << 21
"""Numbers of pooled vectors that are held at once: 16 MB."""


def inside_flips(
    states: PooledStates, validation: ValidationStates, order: Tensor, removed: Tensor, emptied: Tensor
) -> dict[str, Tensor]:
    """Columns of orderings, each (orderings, batch).

    ``flip_p`` is the p-value of what attention pools where the decision first changes, also when nothing is left then;
    NaN for never. ``removed_inside`` is how many items are removed by the first prefix that changes the decision while
    something is left with p ≥ ``OUTSIDE``; −1 where there is none.

    Args:
        states: the batch.
        validation: what it is held against.
        order: permutations (orderings, batch, items).
        removed: items erased at the first flip, −1 for never (orderings, batch).
        emptied: whether nothing is left then (orderings, batch).
    """
    documents = torch.arange(order.shape[1], device=order.device).expand(order.shape[:2])
    changed = removed > 0
    p = torch.full(removed.shape, torch.nan, dtype=torch.float64, device=order.device)
    p[changed] = validation.p_values(states.of_sets(ranks(order) >= removed[..., None])[changed])
    inside = torch.where(changed & ~emptied & (p >= OUTSIDE), removed, -1)
    later = changed & ~emptied & (p < OUTSIDE)
    inside[later] = _first_inside(states, validation, order[later], documents[later], removed[later])
    return {FLIP_P: p, REMOVED_INSIDE: inside.double()}


def _first_inside(
    states: PooledStates, validation: ValidationStates, order: Tensor, documents: Tensor, removed: Tensor
) -> Tensor:
    """``removed_inside`` (pairs,) of orders (pairs, items) whose first flip, after ``removed`` items, is outside."""
    step = max(1, _HELD // max(1, order.shape[-1] * states.dim))
    parts = zip(*(torch.split(each, step) for each in (order, documents, removed)), strict=True)
    return torch.cat([_of_some(states, validation, *some) for some in parts])


def _of_some(
    states: PooledStates, validation: ValidationStates, order: Tensor, documents: Tensor, removed: Tensor
) -> Tensor:
    prefixes = torch.arange(order.shape[-1], device=order.device)
    asked = states.flips(order, documents) & (prefixes > removed[:, None])
    p = torch.zeros(order.shape, dtype=torch.float64, device=order.device)
    if bool(asked.any()):
        p[asked] = validation.p_values(states.along(order, documents)[asked])
    is_inside = p >= OUTSIDE
    return torch.where(is_inside.any(-1), is_inside.int().argmax(-1), -1)
