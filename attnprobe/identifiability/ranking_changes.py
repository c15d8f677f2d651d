"""How far the *ranking* by attention can change while the output stays the same.

Item k can overtake j, a_j > a_k, where max (a'_k − a'_j) > 0, one linear program a pair; item j can be on top where
max t subject to a'_k + t ≤ a'_j for all k ≠ j is positive. Only strict inequalities count: a vertex has many zeros,
and a tie is no change of ranking.

Kendall's τ of the observed and another ranking is 1 − 2 D / (n (n − 1)/2) with D the pairs in opposite order. The pairs
that can be reversed *one at a time* bound D from above, and any alternative's own D bounds it from below; the greatest
D itself is a combinatorial problem. Pairs that tie in the observed weights cannot be reversed.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from attnprobe.erasure.arrays import Mask, check_kind, numpy_or_torch
from attnprobe.identifiability.alternatives import Alternatives
from attnprobe.identifiability.linear_programs import Numbers

_STRICT = 1e-9
"""Weights closer than this are tied: the programs are exact to about as much."""

_STEPS = 60
_SHARES = np.array([0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.8])
"""Steps, and the shares of the way to a vertex that each tries, in search of rankings far from the observed one."""


class TopItems(NamedTuple):
    """Which items can have the largest weight.

    Attributes:
        lead: by how much each item can exceed all others at best (items,); negative where it is always behind one, NaN
            where that was settled without a program.
        can_be_top: whether it can exceed them strictly (items,).
    """

    lead: Numbers
    can_be_top: np.ndarray


def top_items(alternatives: Alternatives) -> TopItems:
    """The items that are the largest of some alternative: exact linear programs, fewer than one an item.

    Args:
        alternatives: of one row of one head.

    Raises:
        ValueError: alternatives of several heads.
        SolverError: a linear program failed.
    """
    low, high, vertices = _of_one_head(alternatives).extremes
    items = len(low)
    lead = np.full(items, np.nan)
    can_be_top = np.zeros(items, dtype=bool)
    if items == 1:
        return TopItems(alternatives.observed.copy(), np.ones(1, dtype=bool))
    ordered = np.sort(vertices, axis=1)
    clear = ordered[:, -1] - ordered[:, -2] > _STRICT
    can_be_top[vertices[clear].argmax(1)] = True
    ahead = np.array([np.delete(low, item).max() for item in range(items)])
    unsettled = np.flatnonzero(~can_be_top & (high > ahead))
    lead[unsettled] = alternatives.leads(unsettled.tolist())
    can_be_top[unsettled] = lead[unsettled] > _STRICT
    return TopItems(lead, can_be_top)


def order_flips(alternatives: Alternatives) -> np.ndarray:
    """Which pairs of items change their order under some alternative.

    Args:
        alternatives: of one row of one head.

    Returns:
        (items, items), True at [j, k] where a_j > a_k as observed and some alternative has a'_k > a'_j.

    Raises:
        ValueError: alternatives of several heads.
        SolverError: a linear program failed.
    """
    low, high, vertices = _of_one_head(alternatives).extremes
    ahead = _ahead(alternatives.observed)
    flips = np.zeros_like(ahead)
    for vertex in vertices:
        flips |= ahead & _ahead(vertex).T
    unsettled = ahead & ~flips & (high[None, :] > low[:, None] + _STRICT)
    for j, k in np.argwhere(unsettled):
        if not flips[j, k]:
            objective = np.zeros(len(low))
            objective[j], objective[k] = -1.0, 1.0
            found = alternatives.maximise(objective)
            flips |= ahead & _ahead(found.weights).T
            flips[j, k] = found.value > _STRICT
    return flips


class KendallRange(NamedTuple):
    """How low Kendall's τ between the observed ranking and an alternative's can be.

    Attributes:
        bound: no alternative's τ is lower.
        attained: the lowest τ found.
        weights: the alternative that has it (items,).
    """

    bound: float
    attained: float
    weights: Numbers


@numpy_or_torch
def lowest_kendall_tau(alternatives: Alternatives, flips: Mask = None) -> KendallRange:
    """Bounds on the lowest Kendall's τ over all alternatives, from above by an alternative, from below by pairs.

    Args:
        alternatives: of one row of one head.
        flips: what :func:`order_flips` gave, if it is at hand.

    Raises: as :func:`order_flips`, and a ``ValueError`` for ``flips`` of another shape.
    """
    ahead = _ahead(_of_one_head(alternatives).observed)
    items = len(ahead)
    if items < 2:
        return KendallRange(1.0, 1.0, alternatives.observed)
    flips = order_flips(alternatives) if flips is None else flips.cpu().numpy()
    if flips.shape != ahead.shape:
        raise ValueError(f"flips has shape {flips.shape}, but {ahead.shape} is needed")
    vertices = alternatives.extremes.vertices
    order = np.argsort(-alternatives.observed, kind="stable")
    steps = np.eye(items)[order[:-1]] - np.eye(items)[order[1:]]
    opposite = alternatives.largest_slack(steps, np.zeros(items - 1)).weights
    candidates = np.vstack([vertices, opposite[None], _towards_reversal(alternatives, ahead, vertices.mean(0))])
    reversed_pairs = [int((ahead & _ahead(candidate).T).sum()) for candidate in candidates]
    best = int(np.argmax(reversed_pairs))
    pairs = items * (items - 1) / 2
    bound = 1 - 2 * float(flips.sum()) / pairs
    return KendallRange(bound, 1 - 2 * reversed_pairs[best] / pairs, candidates[best])


def _towards_reversal(alternatives: Alternatives, ahead: np.ndarray, inside: Numbers) -> Numbers:
    """Points (steps, items) on a way along which more and more pairs are reversed, from inside the polytope.

    The number of reversed pairs is smoothed to Σ tanh ((a'_k − a'_j)/w): each step goes part of the way to the vertex
    that its gradient points to, which is drawn by pairs that are nearly tied.
    """
    width = 0.1 / len(inside)
    points = [inside]
    for _ in range(_STEPS if alternatives.dimension else 0):
        lead = ((points[-1][None, :] - points[-1][:, None]) / width).clip(-50, 50)
        pull = ahead / np.cosh(lead) ** 2
        vertex = alternatives.maximise(pull.sum(0) - pull.sum(1)).weights
        tried = points[-1] + _SHARES[:, None] * (vertex - points[-1])
        points.append(tried[int(np.argmax([(ahead & _ahead(point).T).sum() for point in tried]))])
    return np.stack(points)


def _ahead(weights: Numbers) -> np.ndarray:
    """[j, k]: whether j's weight is larger than k's, by more than rounding."""
    return np.asarray(weights[:, None] > weights[None, :] + _STRICT)


def _of_one_head(alternatives: Alternatives) -> Alternatives:
    check_kind("alternatives", alternatives, Alternatives)
    if alternatives.observed.ndim != 1:
        raise ValueError("a ranking belongs to one head, but the alternatives are of several")
    return alternatives
