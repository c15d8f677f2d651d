"""Ranking functions: attention weights or gradients in, orderings out.

An ordering is a permutation of a document's items, most important first, padding last. Ties keep the earlier position
first, so that an ordering does not depend on the device, the batch or the padding. What the functions take and return
is said in ``arrays``.

The three deterministic rankings are those of Serrano & Smith (2019, §4.2), which erase in descending order of the
attention weight, of the gradient of the decision's probability with respect to it (signed), or of their product.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from attnprobe.erasure.arrays import Array, Mask, WholeNumbers, as_mask, check_numbers, numpy_or_torch, whole_number
from attnprobe.erasure.draw_counts import RANDOM_DRAWS
from attnprobe.erasure.sorting import sort_ascending, stable_order_descending
from attnprobe.erasure.split_mix import split_mix, unsigned_shift

if TYPE_CHECKING:
    from attnprobe.erasure.erasable import Erasable

POSITION_BITS = 24
"""Bits of a random key that hold the position: ties are impossible, and a document may have 16 million items."""


def _descending(name: str, keys: Tensor, mask: Tensor | None, *, minus_infinity: bool = False) -> Tensor:
    real = as_mask(mask, keys)
    check_numbers(name, keys, real, minus_infinity=minus_infinity)
    # A real item may hold −∞ (a score of a zero weight) and must still come before padding.
    lowest = torch.finfo(keys.dtype).min
    return stable_order_descending(keys.clamp(min=lowest).masked_fill(~real, -torch.inf))


@numpy_or_torch
def rank_by_attention(weights: Array, mask: Mask = None, *, scores: Array = None) -> Array:
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
def rank_by_gradient(gradients: Array, mask: Mask = None) -> Array:
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
def rank_by_gradient_attention(weights: Array, gradients: Array, mask: Mask = None, *, scores: Array = None) -> Array:
    """Items by gradient times attention weight, the largest first; the products are formed in float64.

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
    if gradients.shape != weights.shape:
        raise ValueError(f"gradients have shape {tuple(gradients.shape)}, but {tuple(weights.shape)} is needed")
    return _descending("gradients times weights", gradients.double() * weights.double(), mask)


@numpy_or_torch
def rank_at_random(mask: Mask, draws: int, seeds: WholeNumbers) -> Array:
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
        ValueError: ``seeds`` has another length than the batch, or holds no whole numbers; ``mask`` has other axes, or
            more than 2²⁴ items; ``draws`` is no number of orderings.
    """
    if mask is None or mask.dim() != 2:
        raise ValueError(f"mask has shape {None if mask is None else tuple(mask.shape)}, but (batch, items) is needed")
    batch, items = mask.shape
    if items > 1 << POSITION_BITS:
        raise ValueError(
            f"mask has {items} items a document, but random orderings are made of up to {1 << POSITION_BITS}"
        )
    draws, seeds = whole_number("draws", draws, 0), seeds.to(mask.device)
    rows = torch.arange(batch, device=mask.device)
    if seeds.dim() == 0:
        seeds = split_mix(seeds + rows)
    if seeds.shape != (batch,):
        raise ValueError(f"seeds has shape {tuple(seeds.shape)}, but one a document ({batch},) is needed")
    positions = torch.arange(items, device=mask.device)
    streams = split_mix(split_mix(seeds)[None, :] + torch.arange(draws, device=mask.device)[:, None])
    keys = split_mix(streams[:, :, None] + positions)
    # Bits 24 to 61 are random, the lower ones the position; bit 62 puts padding behind every real item.
    keys = (unsigned_shift(keys, POSITION_BITS + 2) << POSITION_BITS) | positions
    keys = torch.where(mask, keys, keys | (1 << 62))
    return sort_ascending(keys) & ((1 << POSITION_BITS) - 1)


def softmax_of_scores(scores: Tensor, mask: Tensor | None) -> Tensor:
    """Attention weights (…, items) in float64 from scores, zero at padding; rows without a real item are zero."""
    real = as_mask(mask, scores)
    check_numbers("scores", scores, real, minus_infinity=True)
    return torch.softmax(scores.double().masked_fill(~real, -torch.inf), dim=-1).nan_to_num(0.0)


def check_order(order: Tensor, mask: Tensor) -> None:
    """See that orderings (…, batch, items) are permutations of the items with the real ones first.

    Args:
        order: int64; any number of leading axes.
        mask: True where an item is real (batch, items).

    Raises:
        ValueError: they are not; the message names the first such document and what is wrong in it.
    """
    if order.dim() < 2 or order.shape[-2:] != mask.shape:
        raise ValueError(f"order has shape {tuple(order.shape)}, but (…, {', '.join(map(str, mask.shape))}) is needed")
    items = mask.shape[-1]
    if not order.numel():
        return
    least, most = torch.aminmax(order)
    if int(least) < 0 or int(most) >= items:
        where, item = _first_place((order < 0) | (order >= items), order)
        raise ValueError(f"{where} names item {item}, which is none of its {items} items (0 to {items - 1})")
    places = torch.arange(items, dtype=torch.int32, device=order.device)
    place = torch.full(order.shape, -1, dtype=torch.int32, device=order.device).scatter_(
        -1, order, places.expand_as(order)
    )
    if int(place.min()) < 0:
        where, missing = _first_place(place < 0, places.expand_as(order))
        raise ValueError(f"{where} is no permutation: it leaves out item {missing} and names another twice")
    early = (place < mask.sum(-1, keepdim=True)) & ~mask
    if bool(early.any()):
        where, item = _first_place(early, places.expand_as(order))
        raise ValueError(f"{where} puts padding, item {item}, before a real item")


def _first_place(bad: Tensor, items: Tensor) -> tuple[str, int]:
    """The first ordering of which ``bad`` (…, batch, items) is True somewhere, in words, and the item there."""
    *leading, document, position = torch.nonzero(bad)[0].tolist()
    which = " ".join(["order", *([", ".join(map(str, leading))] if leading else []), f"of document {document}"])
    return which, int(items[(*leading, document, position)])


def ranks(order: Tensor) -> Tensor:
    """The inverse permutations: at which place of its ordering each item stands; orderings (…, items)."""
    places = torch.arange(order.shape[-1], device=order.device).expand_as(order)
    return torch.empty_like(order).scatter_(-1, order, places)


def completed(ended: Tensor, mask: Tensor) -> Tensor:
    """Orders (…, batch, items) that may end early, with −1, as permutations: other real items follow, then padding."""
    items = ended.shape[-1]
    places = torch.arange(items, device=ended.device).expand_as(ended)
    # Each item's key is its place where it has one; else it comes behind all that have, padding last.
    keys = places.add(items).masked_fill(~mask, 2 * items)
    named = ended.clamp(min=0)
    keys = keys.scatter_reduce(-1, named, places.masked_fill(ended < 0, 2 * items), "amin")
    return keys.argsort(dim=-1, stable=True)


_ENDLESS = 1e30
"""In the place of the infinite score of a weight of zero, where it is turned round."""


def random_order(batch: Erasable, seeds: Tensor, draws: int = RANDOM_DRAWS) -> Tensor:
    """So many random orderings a document (draws, batch, items); of more draws the first are those of fewer."""
    order: Tensor = rank_at_random(batch.attention.mask, draws, seeds)
    return order


def attention_order(batch: Erasable, seeds: Tensor) -> Tensor:
    """The largest attention weight first (1, batch, items); scores order what has underflowed to the same weight."""
    order: Tensor = rank_by_attention(None, batch.attention.mask, scores=batch.attention.scores)
    return order[None]


def gradient_order(batch: Erasable, seeds: Tensor) -> Tensor:
    """The largest gradient of the decision's probability first (1, batch, items)."""
    order: Tensor = rank_by_gradient(batch.attention.gradients, batch.attention.mask)
    return order[None]


def product_order(batch: Erasable, seeds: Tensor) -> Tensor:
    """The largest gradient times attention weight first (1, batch, items); of several heads their products' mean."""
    return _descending("gradients times weights", batch.attention.products, batch.attention.mask)[None]


def ascending_order(batch: Erasable, seeds: Tensor) -> Tensor:
    """The smallest attention weight first (1, batch, items)."""
    scores, mask = batch.attention.scores, batch.attention.mask
    turned = -scores.masked_fill(~mask, 0.0).clamp(min=-_ENDLESS)
    order: Tensor = rank_by_attention(None, mask, scores=turned)
    return order[None]


def largest_first(scores: Tensor, batch: Erasable) -> Tensor:
    """The largest of any number an item (batch, items) first (1, batch, items)."""
    return _descending("scores", scores, batch.attention.mask)[None]


def greedy_first(batch: Erasable, seeds: Tensor) -> Tensor:
    """What makes the decision's probability fall fastest first, asked again after each removal (1, batch, items)."""
    order = batch.greedy_order()
    assert order is not None, "it fits the batch"
    return order[None]


def smallest_set_first(batch: Erasable, seeds: Tensor) -> Tensor:
    """The items of the smallest set that flips the decision, and no others (1, batch, items)."""
    order = batch.smallest_set()
    assert order is not None, "it fits the batch"
    return order[None]
