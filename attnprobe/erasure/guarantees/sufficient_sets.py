"""Sets of items that, kept, guarantee the decision whatever subset of the others is erased.

What functions take and return is said in ``erasure.arrays``, why sums decide in ``requirements``. ERASER's sufficiency
asks less: that the decision stays when *everything* else is erased, which under renormalising one word alone does in
nearly every document.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from attnprobe.erasure.arrays import Array, Mask, WholeNumbers, numpy_or_torch
from attnprobe.erasure.contributions import Contributions, Readout, without_each
from attnprobe.erasure.guarantees.covering_programs import completing_set, smallest_cover
from attnprobe.erasure.guarantees.requirements import Requirements
from attnprobe.erasure.orderings import check_order
from attnprobe.erasure.sorting import sort_ascending, stable_order_descending

_TINY = torch.finfo(torch.float64).tiny


class MinimalSufficientSet(NamedTuple):
    """The smallest set that guarantees the decision.

    Attributes:
        count: how many items it keeps (batch,); 0 where the decision stands whatever is erased.
        kept: True for the items in it (batch, items).
        bound: no set of fewer items guarantees the decision (batch,): ``count`` itself but where the covering program
            was given up, and what is known is that the smallest count is between the two.
    """

    count: Array
    kept: Array
    bound: Array


@numpy_or_torch
def sufficient_count(
    values: Array, weights: Array, mask: Mask, order: WholeNumbers, readout: Readout, *, scores: Array = None
) -> Array:
    """How many of each ordering's first items, if kept, guarantee the decision whatever subset of the others is erased.

    Args:
        values: what the weights average (batch, items, dim).
        weights: attention weights (batch, items); may be None where ``scores`` are given.
        mask: True where an item is real (batch, items), or None.
        order: orderings (…, batch, items), most important first, padding last; any number of leading axes.
        readout: ``torch.nn.Linear`` or (weight (classes, dim), bias (classes,)).
        scores: pre-softmax scores (batch, items).

    Returns:
        (…, batch), int64: from 0, where the decision stands whatever is erased, to the number of items.

    Raises:
        ValueError: as :func:`decision_gradient`, and an ordering that is no permutation of a document's items with its
            padding last, naming the document.
    """
    requirements = Requirements.of(Contributions(values, weights, mask, readout, scores=scores))
    check_order(order, requirements.mask)
    return requirements.count_along(order)


@numpy_or_torch
def minimal_sufficient_set(
    values: Array, weights: Array, mask: Mask, readout: Readout, *, scores: Array = None
) -> MinimalSufficientSet:
    """The provably smallest set of items that guarantees the decision whatever subset of the others is erased.

    For each rival one sort says how many items are needed against it alone. The largest of these numbers is a lower
    bound for all, and is attained in most documents; in the others a covering program is solved.

    Args, raises: as :func:`sufficient_count`, but for the ordering.

    Returns:
        ``MinimalSufficientSet`` of ``count``, ``kept`` and ``bound``.
    """
    return smallest_sets(Requirements.of(Contributions(values, weights, mask, readout, scores=scores)))


@numpy_or_torch
def necessary_items(values: Array, weights: Array, mask: Mask, readout: Readout, *, scores: Array = None) -> Array:
    """Which items every sufficient set has: those without which all the others together guarantee nothing.

    Args, raises: as :func:`sufficient_count`, but for the ordering.

    Returns:
        (batch, items), True where an item is necessary.
    """
    return necessary(Requirements.of(Contributions(values, weights, mask, readout, scores=scores)))


@numpy_or_torch
def relevant_items(values: Array, weights: Array, mask: Mask, readout: Readout, *, scores: Array = None) -> Array:
    """Which items some sufficient set has from which none can be left out.

    An item is relevant exactly when some set of others is insufficient without it and sufficient with it: when it is no
    dummy player of a weighted voting game, which is NP-hard to say in general. Sets found by leaving out one item after
    the other settle most items, and a program with binary variables each of the rest.

    Args, raises: as :func:`sufficient_count`, but for the ordering; and a ``SolverError`` where a program is given up.

    Returns:
        (batch, items), True where an item is relevant.
    """
    requirements = Requirements.of(Contributions(values, weights, mask, readout, scores=scores))
    found = necessary(requirements)
    for document in torch.nonzero(~requirements.nothing_needed())[:, 0].tolist():
        real = torch.nonzero(requirements.mask[document])[:, 0]
        gains = requirements.gains[document][:, real].cpu().numpy()
        thresholds = requirements.thresholds[document].cpu().numpy()
        for place, item in enumerate(real.tolist()):
            if not found[document, item] and gains[:, place].any():
                found[document, item] = completing_set(gains, thresholds, place) is not None
    return found


def smallest_sets(requirements: Requirements) -> MinimalSufficientSet:
    """The smallest set of each document."""
    needed, row = requirements.needed_by_row().max(-1)
    kept = _largest(requirements.of_row(row), needed)
    count = needed.clone()
    unmet = torch.nonzero(~requirements.met_by(kept))[:, 0]
    if len(unmet):
        count[unmet], kept[unmet] = _along_orderings(requirements.of_documents(unmet))
    for document in torch.nonzero(count > needed)[:, 0].tolist():
        cover = smallest_cover(
            requirements.gains[document].cpu().numpy(),
            requirements.thresholds[document].cpu().numpy(),
            int(needed[document]),
            kept[document].cpu().numpy(),
        )
        kept[document] = torch.from_numpy(cover.chosen).to(kept.device)
        count[document], needed[document] = int(cover.chosen.sum()), cover.bound
    return MinimalSufficientSet(count, kept, needed)


def _largest(numbers: Tensor, count: Tensor) -> Tensor:
    """The items of the ``count`` (batch,) largest numbers (batch, items); of equal ones the earlier."""
    last = sort_ascending(numbers).gather(-1, (numbers.shape[-1] - count.clamp(min=1))[:, None])
    over = numbers > last
    tied = (numbers == last) & (count > 0)[:, None]
    return (over & (count > 0)[:, None]) | (tied & (tied.cumsum(-1) <= (count - over.sum(-1))[:, None]))


def _along_orderings(requirements: Requirements) -> tuple[Tensor, Tensor]:
    """A small set of each document, its size and its items: the smallest along a few orderings."""
    shares = requirements.gains / requirements.thresholds.clamp(min=_TINY)[..., None]
    keys = torch.cat([requirements.gains.transpose(0, 1), shares.clamp(max=1).sum(1)[None]])
    orders = stable_order_descending(keys.masked_fill(~requirements.mask, -1.0))
    counts, best = requirements.count_along(orders).min(0)
    order = orders.gather(0, best[None, :, None].expand(1, *orders.shape[1:]))[0]
    places = torch.arange(order.shape[-1], device=order.device).expand_as(order)
    return counts, torch.zeros_like(requirements.mask).scatter(1, order, places < counts[:, None])


def necessary(requirements: Requirements) -> Tensor:
    """Which items every sufficient set has (batch, items)."""
    reached = without_each(requirements.gains) >= requirements.thresholds[..., None]
    return ~reached.all(1) & requirements.mask & ~requirements.nothing_needed()[:, None]
