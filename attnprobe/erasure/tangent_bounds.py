"""The largest probability of the decision over all sets of a size, with several rivals: bounds by tangents.

−log p = log(1 + Σ_c exp(−lead_c)) is convex in the mean leads of a set. So its tangent at any point bounds it from
below, and the least value of the tangent over all sets of a size is the largest mean of a sum of leads
(``largest_means``). Frank and Wolfe (1956) go from point to point, each time towards the set that has this mean, and
the bound rises to the least value over all mixtures of sets.
"""

from __future__ import annotations

import torch
from torch import Tensor

from attnprobe.erasure.sized_sets import SizedSets

_STEPS = 8
"""From point to point."""

_HALVINGS = 24
"""Of the way to the next point."""

_CLOSE = 1e-6
"""A row whose bound is as near to −log p of its point is done."""


def at_most(sets: SizedSets) -> tuple[Tensor, Tensor]:
    """No set of a row has a larger probability (rows,), and a set that has a large one (rows, items)."""
    members = torch.isfinite(sets.forced)
    point = sets.means(members)
    least, best = point.new_full(point.shape[:1], -torch.inf), point.new_full(point.shape[:1], torch.inf)
    rows = torch.arange(len(point), device=point.device)
    for _ in range(_STEPS):
        now = sets.of(rows)
        loss, shares = _tangent(point[rows])
        found = now.largest(shares)
        least[rows] = torch.maximum(least[rows], loss - (found.bound - (shares * point[rows]).sum(-1)))
        reached = now.means(found.members)
        of_set = _tangent(reached)[0]
        better = of_set < best[rows]
        best[rows[better]], members[rows[better]] = of_set[better], found.members[better]
        open_rows = loss - least[rows] > _CLOSE
        rows = rows[open_rows]
        if not len(rows):
            break
        point[rows] = _between(point[rows], reached[open_rows])
    return torch.exp(-least), members


def _tangent(leads: Tensor) -> tuple[Tensor, Tensor]:
    """−log p at leads (rows, rivals), and the probabilities of the rivals, which are its negative derivatives."""
    loss = torch.logsumexp(torch.nn.functional.pad(-leads, (1, 0)), -1)
    return loss, torch.exp(-leads - loss[:, None])


def _between(point: Tensor, reached: Tensor) -> Tensor:
    """Where −log p is least on the way from one to the other: where its derivative changes its sign."""
    low, high = torch.zeros_like(point[:, 0]), torch.ones_like(point[:, 0])
    way = reached - point
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        _, shares = _tangent(point + middle[:, None] * way)
        falls = (shares * way).sum(-1) > 0
        low, high = torch.where(falls, middle, low), torch.where(falls, high, middle)
    return point + high[:, None] * way
