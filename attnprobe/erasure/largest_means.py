"""The largest weighted mean over all sets of a given size, with a bound that is certain.

Over the sets K of q items the largest mean φ = Σ_K a u / Σ_K a is a 0–1 fractional program. By Dinkelbach (1967) it is
the λ at which the q largest of ``w = a (u − λ)`` add up to nothing: those items have a mean of at least λ wherever
their sum is positive, which is the next λ, and the iteration converges faster than linearly. A λ at which no q items
have a positive sum, rounding included, is an upper bound.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from attnprobe.erasure.sorting import sort_ascending

_MOST_ITERATIONS = 60
"""Four to six are needed; what has not converged by then has the largest number as its bound."""

_EPS = torch.finfo(torch.float64).eps


class Rows(NamedTuple):
    """Programs, one a row.

    Attributes:
        mass: weights (rows, items), zero at what does not belong to the row.
        terms: what is averaged (rows, items).
        size: how many items a set has (rows,), one at least and no more than the row allows.
        forced: −∞ where an item is in no set, ∞ where it is in every one, else 0 (rows, items).
    """

    mass: Tensor
    terms: Tensor
    size: Tensor
    forced: Tensor

    def of(self, which: Tensor) -> Rows:
        """Some of the rows."""
        return Rows(*(part[which] for part in self))


class LargestMeans(NamedTuple):
    """What is known of the largest mean of each row.

    Attributes:
        bound: no set has a larger mean (rows,).
        mean: that of ``members`` (rows,), as near to the bound as rounding allows where the iteration has converged.
        members: True where an item is in the set (rows, items).
    """

    bound: Tensor
    mean: Tensor
    members: Tensor


def largest_means(rows: Rows, start: Tensor) -> LargestMeans:
    """The largest mean of each row, from the sets that are best at the numbers ``start`` (rows,)."""
    forbidden = rows.forced.clamp(max=0)
    most, least = (rows.terms + forbidden).amax(-1), (rows.terms - forbidden).amin(-1)
    rounding = (rows.mass.shape[-1] + 8) * _EPS * (most - least + torch.maximum(most.abs(), least.abs()))
    members, _, mean = _best_at(rows, start, rounding)
    bound = most.clone()
    open_rows = torch.arange(len(mean), device=mean.device)
    for _ in range(_MOST_ITERATIONS):
        if not len(open_rows):
            break
        now = rows if len(open_rows) == len(mean) else rows.of(open_rows)
        # A step up by more than rounding can do, so that the bound can be told from the mean.
        at = mean[open_rows] + 8 * rounding[open_rows]
        better, above, reached = _best_at(now, at, rounding[open_rows])
        proven = ~above
        bound[open_rows[proven]] = torch.minimum(at, most[open_rows])[proven]
        gained = above & (reached > mean[open_rows])
        mean[open_rows[gained]] = reached[gained]
        members[open_rows[gained]] = better[gained]
        open_rows = open_rows[gained]
    return LargestMeans(bound, mean, members)


def _best_at(rows: Rows, at: Tensor, rounding: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Of the sets with the largest sum of a (u − λ): members, whether that sum may be positive, and their mean.

    ``rounding`` (rows,) is how far off a mean may be.
    """
    weighted = rows.mass * (rows.terms - at[:, None])
    keys = weighted + rows.forced
    last = sort_ascending(keys).gather(-1, (keys.shape[-1] - rows.size)[:, None])
    members = keys >= last
    if bool((members.sum(-1) > rows.size).any()):  # ties: the earlier item first
        over = keys > last
        tied = members & ~over
        room = rows.size - over.sum(-1)
        members = over | (tied & (tied.cumsum(-1) <= room[:, None]))
    kept = members.double()
    total, mass = torch.linalg.vecdot(weighted, kept), torch.linalg.vecdot(rows.mass, kept)
    return members, total + rounding * mass > 0, at + total / mass
