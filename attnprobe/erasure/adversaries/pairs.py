"""With one rival: the farthest row among those that weigh one item or two, which are all vertices that there are.

A convex function is largest at a vertex, and a vertex of {a ≥ 0, Σ a = 1, low ≤ u · a ≤ high} is one item with u
between the two, or two items, the one below and the other above ``low`` or ``high``, whose mean is just that. The chord
of each gain bounds a pair's distance without a logarithm; only pairs whose bound is beyond the best are looked at.
"""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import torch
from torch import Tensor

from attnprobe.erasure.adversaries.distances import RowDistance
from attnprobe.erasure.adversaries.feasible_rows import FeasibleRows

_MOST_PAIRS = 1 << 18
"""Pairs that are held at once: 2 MB a number."""


class Pair(NamedTuple):
    """The farthest row of each document: its sum of gains, its two items and the second one's weight (batch,)."""

    gains: Tensor
    first: Tensor
    second: Tensor
    weight: Tensor


def farthest_pairs(rows: FeasibleRows, distance: RowDistance) -> Pair:
    """The farthest row of each document with one rival."""
    if math.isinf(distance.most):
        rows = rows.without_idle()
    alone = distance.gain(rows.weights, torch.ones_like(rows.weights))
    leads = rows.leads[:, 0]
    inside = rows.mask & (leads >= rows.low) & (leads <= rows.high)
    gains, item = alone.masked_fill(~inside, -torch.inf).max(-1)
    best = Pair(gains, item, item.clone(), torch.zeros_like(gains))
    items = rows.weights.shape[1]
    step = max(1, 4 * _MOST_PAIRS // max(1, items * items))
    for start, side in itertools.product(range(0, len(alone), step), (rows.low, rows.high)):
        some = slice(start, start + step)
        over = leads[some] - side[some]
        below, above = ((of & rows.mask[some] & torch.isfinite(over)) for of in (over < 0, over > 0))
        # A pair is nearer than the farther one of its items would be alone.
        far = alone[some] > best.gains[some, None]
        for lower, upper in ((below & far, above), (below & ~far, above & far)):
            given = rows.weights[some], alone[some], over
            better = _with_pairs(Pair(*(part[some] for part in best)), given, (lower, upper), distance)
            for part, new in zip(best, better, strict=True):
                part[some] = new
    return best


def _with_pairs(
    best: Pair, items: tuple[Tensor, Tensor, Tensor], pairs: tuple[Tensor, Tensor], distance: RowDistance
) -> Pair:
    """The better of ``best`` and pairs of items whose leads have a side as their mean.

    Args:
        best: of each document; items are counted within it.
        items: (batch, items) each: the weights; what the items gain alone; their leads less the side.
        pairs: which items are the lower ones, and which the upper ones (batch, items).
        distance: the distance.
    """
    weights, alone, over = (part.reshape(-1) for part in items)
    width = items[0].shape[1]
    lower, upper = (torch.nonzero(of.reshape(-1))[:, 0] for of in pairs)
    # Every lower item with every upper one of its document, as ragged lists.
    counts = pairs[1].sum(-1)
    document = torch.div(lower, width, rounding_mode="floor")
    repeats = counts.index_select(0, document)
    begin = (counts.cumsum(0) - counts).index_select(0, document) - (repeats.cumsum(0) - repeats)
    which = torch.repeat_interleave(repeats)
    upper = upper.index_select(0, torch.arange(len(which), device=which.device) + begin.index_select(0, which))
    lower = lower.index_select(0, which)
    document = document.index_select(0, which)
    under = over.index_select(0, lower)
    of_upper = under / (under - over.index_select(0, upper))
    # Written so that nothing infinite is taken from anything infinite.
    chords = alone.index_select(0, lower) * (1 - of_upper) + alone.index_select(0, upper) * of_upper
    highest = best.gains.scatter_reduce(0, document, chords, "amax").index_select(0, document)
    # The pair with the highest chord first: hardly any other can be beyond it.
    best = _better(best, (document, lower, upper, of_upper), chords == highest, weights, distance)
    beyond = chords > best.gains.index_select(0, document)
    best = _better(best, (document, lower, upper, of_upper), beyond, weights, distance)
    return best._replace(first=best.first % width, second=best.second % width)


def _better(best: Pair, pairs: tuple[Tensor, ...], worth: Tensor, weights: Tensor, distance: RowDistance) -> Pair:
    """The better of ``best`` and the pairs that are ``worth`` a look: documents, items, second weights."""
    chosen = torch.nonzero(worth)[:, 0]
    if not len(chosen):
        return best
    document, first, second, of_second = (part.index_select(0, chosen) for part in pairs)
    gains = distance.gain(weights.index_select(0, first), 1 - of_second)
    gains = gains + distance.gain(weights.index_select(0, second), of_second)
    most = best.gains.scatter_reduce(0, document, gains, "amax")
    # The first of the pairs that reach it.
    reached = torch.nonzero((gains == most[document]) & (gains > best.gains[document]))[:, 0]
    winner = torch.full_like(best.first, len(gains)).scatter_reduce(0, document[reached], reached, "amin")
    won = winner < len(gains)
    winner = winner.clamp(max=len(gains) - 1)
    found = Pair(most, first[winner], second[winner], of_second[winner])
    return Pair(*(torch.where(won, new, old) for new, old in zip(found, best, strict=True)))
