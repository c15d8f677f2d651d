"""How far the weights of one row of one head can move while the head's output stays the same, in a few numbers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from attnprobe.identifiability import (
    Alternatives,
    farthest_alternative,
    lowest_kendall_tau,
    maxent_attention,
    top_items,
)
from attnprobe.identifiability.linear_programs import Numbers

EXACT_ITEMS = 16
"""Up to this many items the farthest alternative is found exactly; beyond, it is bounded from both sides."""

_APART = 1e-9
"""Weights closer than this are tied: the programs are exact to about as much."""


class WeightReach(NamedTuple):
    """How far the weights of one row can move.

    Attributes:
        mean_width, largest_width: of the ranges of all weights.
        top_weight: the largest observed weight.
        top_low, top_high: the range of that weight.
        can_be_top: how many items can have the largest weight.
        top_can_change: whether an item that does not have it as observed can have it alone.
        kendall_tau_low: no alternative's Kendall's τ with the observed ranking is lower; pairs whose ranges overlap are
            counted as if all could be reversed together.
        kendall_tau_found: the lowest τ of an alternative that was found.
        farthest_low, farthest_high: bounds on the total-variation distance of the farthest alternative; the lower one
            is attained.
        entropy, greatest_entropy: of the observed weights, and the greatest of any alternative, in nats.
        low, high: the range of each weight (items,).
        maximum_entropy: the alternative of greatest entropy (items,).
    """

    mean_width: float
    largest_width: float
    top_weight: float
    top_low: float
    top_high: float
    can_be_top: int
    top_can_change: bool
    kendall_tau_low: float
    kendall_tau_found: float
    farthest_low: float
    farthest_high: float
    entropy: float
    greatest_entropy: float
    low: Numbers
    high: Numbers
    maximum_entropy: Numbers


COLUMNS = WeightReach._fields[:-3]
"""Numbers; the others are arrays (items,)."""


def weight_reach(alternatives: Alternatives, values: Numbers) -> WeightReach:
    """Ranges, rankings, distance and entropy over all alternatives of one row of one head.

    Args:
        alternatives: all weights with the same head output.
        values: what they average (items, dim).

    Raises:
        SolverError: a program failed.
        ValueError: the weights of greatest entropy were not found.
    """
    observed = alternatives.observed
    low, high, _ = alternatives.extremes
    top = int(observed.argmax())
    can_be_top = top_items(alternatives).can_be_top
    overlapping = (observed[:, None] > observed + _APART) & (high[None, :] > low[:, None] + _APART)
    kendall = lowest_kendall_tau(alternatives, overlapping)
    farthest = farthest_alternative(alternatives, EXACT_ITEMS)
    maximum_entropy = maxent_attention(values, observed @ values)
    return WeightReach(
        mean_width=float((high - low).mean()),
        largest_width=float((high - low).max()),
        top_weight=float(observed[top]),
        top_low=float(low[top]),
        top_high=float(high[top]),
        can_be_top=int(can_be_top.sum()),
        top_can_change=bool(np.delete(can_be_top, top).any()),
        kendall_tau_low=kendall.bound,
        kendall_tau_found=kendall.attained,
        farthest_low=farthest.lower,
        farthest_high=farthest.upper,
        entropy=entropy(observed),
        greatest_entropy=max(entropy(observed), entropy(maximum_entropy)),
        low=low,
        high=high,
        maximum_entropy=maximum_entropy,
    )


def entropy(weights: Numbers) -> float:
    """−Σ a log a in nats.

    >>> round(entropy(np.array([0.5, 0.5, 0.0])), 6)
    0.693147
    """
    positive = weights[weights > 0]
    return float(-(positive * np.log(positive)).sum())
