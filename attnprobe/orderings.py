"""Ranking functions: attention weights or gradients in, orderings out.

An ordering is a permutation of a document's items, most important first, padding last. Ties keep the earlier position
first, so that an ordering does not depend on the device, the batch or the padding. Everything here takes NumPy arrays
or torch tensors and returns the same kind.

The three deterministic rankings are those of Serrano & Smith (2019, §4.2), which erase in descending order of the
attention weight, of the gradient of the decision's probability with respect to it (signed), or of their product.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from attnprobe.arrays import Array, as_mask, check_numbers, numpy_or_torch
from attnprobe.registry import Registry
from attnprobe.sorting import sort_ascending, stable_order_descending

POSITION_BITS = 24
"""Bits of a random key that hold the position: ties are impossible, and a document may have 16 million items."""


def _descending(name: str, keys: Tensor, mask: Tensor | None, *, minus_infinity: bool = False) -> Tensor:
    real = as_mask(mask, keys)
    check_numbers(name, keys, real, minus_infinity=minus_infinity)
    # A real item may hold −∞ (a score of a zero weight) and must still come before padding.
    lowest = torch.finfo(keys.dtype).min
    return stable_order_descending(keys.clamp(min=lowest).masked_fill(~real, -torch.inf))


@numpy_or_torch
def rank_by_attention(weights: Array, mask: Array = None, *, scores: Array = None) -> Array:
    """Items by attention weight, the largest first.

    Args:
        weights: attention weights (…, items); may be None where ``scores`` are given.
        mask: True where an item is real (…, items); all are without it.
        scores: pre-softmax scores (…, items), which order what has underflowed to the same weight.

    Returns:
        The ordering (…, items), int64.

    Raises:
        ValueError: NaN or infinite numbers; the message names the document.

    >>> import torch
    >>> rank_by_attention(torch.tensor([[0.2, 0.5, 0.3]]))
    tensor([[1, 2, 0]])
    """
    if scores is not None:
        return _descending("scores", scores, mask, minus_infinity=True)
    return _descending("weights", weights, mask)


@numpy_or_torch
def rank_by_gradient(gradients: Array, mask: Array = None) -> Array:
    """Items by the signed gradient of the decision's probability with respect to their weight, the largest first.

    Args:
        gradients: (…, items), as ``decision_gradient`` gives them.
        mask: True where an item is real (…, items).

    Returns:
        The ordering (…, items), int64.

    Raises:
        ValueError: NaN or infinite numbers; the message names the document.
    """
    return _descending("gradients", gradients, mask)


@numpy_or_torch
def rank_by_gradient_attention(weights: Array, gradients: Array, mask: Array = None, *, scores: Array = None) -> Array:
    """Items by gradient times attention weight, the largest first.

    Args:
        weights: attention weights (…, items); may be None where ``scores`` are given.
        gradients: (…, items).
        mask: True where an item is real (…, items).
        scores: pre-softmax scores (…, items), from which the weights are made again in float64.

    Returns:
        The ordering (…, items), int64.

    Raises:
        ValueError: NaN or infinite numbers; the message names the document.
    """
    if scores is not None:
        weights = softmax_of_scores(scores, mask)
    return _descending("gradients times weights", gradients.to(weights.dtype) * weights, mask)


@numpy_or_torch
def rank_at_random(mask: Array, draws: int, seeds: Array) -> Array:
    """Uniformly random orderings that belong to the documents: the same in any batch, with any padding.

    Each real item gets a key made of its document's seed, the draw and its position by the SplitMix64 finaliser
    (Steele et al. 2014); sorting the keys gives the permutation.

    Args:
        mask: True where an item is real (batch, items).
        draws: how many orderings a document gets.
        seeds: one integer a document (batch,), or one integer from which each row's is made.

    Returns:
        The orderings (draws, batch, items), int64.

    Raises:
        ValueError: ``seeds`` has another length than the batch.
    """
    batch, items = mask.shape
    seeds = torch.as_tensor(seeds, device=mask.device).to(torch.int64)
    rows = torch.arange(batch, device=mask.device)
    if seeds.dim() == 0:
        seeds = _mix(seeds + rows)
    if seeds.shape != (batch,):
        raise ValueError(f"seeds has shape {tuple(seeds.shape)}, but one a document ({batch},) is needed")
    positions = torch.arange(items, device=mask.device)
    streams = _mix(_mix(seeds)[None, :] + torch.arange(draws, device=mask.device)[:, None])
    keys = _mix(streams[:, :, None] + positions)
    # Bits 24 to 61 are random, the lower ones the position; bit 62 puts padding behind every real item.
    keys = (_shift(keys, POSITION_BITS + 2) << POSITION_BITS) | positions
    keys = torch.where(mask.to(torch.bool), keys, keys | (1 << 62))
    return sort_ascending(keys) & ((1 << POSITION_BITS) - 1)


def _shift(bits: Tensor, by: int) -> Tensor:
    """Shift int64 to the right as if it were unsigned."""
    return (bits >> by) & ((1 << (64 - by)) - 1)


def _mix(bits: Tensor) -> Tensor:
    """SplitMix64: add the golden ratio and scramble; int64 arithmetic wraps as uint64 does."""
    bits = bits + (0x9E3779B97F4A7C15 - (1 << 64))
    bits = (bits ^ _shift(bits, 30)) * (0xBF58476D1CE4E5B9 - (1 << 64))
    bits = (bits ^ _shift(bits, 27)) * (0x94D049BB133111EB - (1 << 64))
    return bits ^ _shift(bits, 31)


def softmax_of_scores(scores: Tensor, mask: Tensor | None) -> Tensor:
    """Attention weights (…, items) in float64 from scores, zero at padding; rows without a real item are zero."""
    real = as_mask(mask, scores)
    check_numbers("scores", scores, real, minus_infinity=True)
    return torch.softmax(scores.double().masked_fill(~real, -torch.inf), dim=-1).nan_to_num(0.0)


def ranks(order: Tensor) -> Tensor:
    """The inverse permutations: at which place of its ordering each item stands; orderings (…, items)."""
    places = torch.arange(order.shape[-1], device=order.device).expand_as(order)
    return torch.empty_like(order).scatter_(-1, order, places)


class Evidence(NamedTuple):
    """What a ranking may look at.

    Scores, weights, gradients, gradients times weights, mask (batch, items) and a seed a document (batch,).
    """

    scores: Tensor
    weights: Tensor
    gradients: Tensor
    products: Tensor
    mask: Tensor
    seeds: Tensor


class Ordering(NamedTuple):
    """A named ranking: ``rank`` makes (draws, batch, items) out of evidence; several draws when it is random."""

    description: str
    rank: Callable[[Evidence], Tensor]
    random: bool = False


_ENDLESS = 1e30
"""In the place of the infinite score of a weight of zero, where it is turned round."""

RANDOM_DRAWS = 5
"""As many as in Serrano & Smith (2019)."""

ORDERINGS: Registry[Ordering] = Registry("ordering")
ORDERINGS.register(
    "random",
    Ordering(
        "items in a random order, five draws a document",
        lambda e: rank_at_random(e.mask, RANDOM_DRAWS, e.seeds),
        random=True,
    ),
)
ORDERINGS.register(
    "attention",
    Ordering("the largest attention weight first", lambda e: rank_by_attention(None, e.mask, scores=e.scores)[None]),
)
ORDERINGS.register(
    "gradient",
    Ordering(
        "the largest gradient of the decision's probability first",
        lambda e: rank_by_gradient(e.gradients, e.mask)[None],
    ),
)
ORDERINGS.register(
    "gradient_attention",
    Ordering(
        "the largest gradient times attention weight first",
        lambda e: _descending("gradients times weights", e.products, e.mask)[None],
    ),
)
ORDERINGS.register(
    "attention_ascending",
    Ordering(
        "the smallest attention weight first, the order in which an explanation would be erased last",
        lambda e: rank_by_attention(None, e.mask, scores=-e.scores.masked_fill(~e.mask, 0.0).clamp(min=-_ENDLESS))[
            None
        ],
    ),
)
