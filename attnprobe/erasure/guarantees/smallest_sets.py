"""The smallest sets of items that reach what is required, and the items that all such sets have."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from attnprobe.erasure.arrays import Array
from attnprobe.erasure.guarantees.covering_programs import smallest_cover
from attnprobe.erasure.guarantees.requirements import Requirements
from attnprobe.erasure.sorting import stable_order_descending
from attnprobe.erasure.sums import sums_without_each

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


def smallest_sets(requirements: Requirements) -> MinimalSufficientSet:
    """The smallest set of each document."""
    if not requirements.mask.numel():
        nothing = torch.zeros_like(requirements.sizes)
        return MinimalSufficientSet(nothing, requirements.mask, nothing)
    by_rival, last = requirements.needed_by_rival()
    needed, row = by_rival.max(-1)
    kept = _largest(requirements.of_row(row), needed, last.gather(1, row[:, None]))
    count = needed.clone()
    unmet = torch.nonzero(~requirements.met_by(kept))[:, 0]
    if len(unmet):
        some = requirements.of_documents(unmet)
        count[unmet], kept[unmet] = _along_orderings(some)
        # Where each row alone asks for one item, and no one item reaches all rows, two are needed.
        alone = (some.gains >= some.thresholds[..., None]).all(1).any(-1)
        needed[unmet] = torch.where((needed[unmet] == 1) & ~alone, 2, needed[unmet])
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


def _largest(numbers: Tensor, count: Tensor, last: Tensor) -> Tensor:
    """The items of the ``count`` (batch,) largest numbers (batch, items); of equal ones the earlier.

    ``last`` (batch, 1) is the smallest of them.
    """
    chosen = numbers >= last
    off = torch.nonzero(chosen.sum(-1) != count)[:, 0]  # several are equal to the last, or none is wanted
    if len(off):
        over, tied = numbers[off] > last[off], numbers[off] == last[off]
        taken = tied & (tied.cumsum(-1) <= (count[off] - over.sum(-1))[:, None])
        chosen[off] = (over | taken) & (count[off] > 0)[:, None]
    return chosen


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
    reached = sums_without_each(requirements.gains) >= requirements.thresholds[..., None]
    return ~reached.all(1) & requirements.mask & ~requirements.nothing_needed()[:, None]
