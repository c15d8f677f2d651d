"""With two rivals: the farthest row among those that weigh up to three items, which are all vertices that there are.

A vertex of {a ≥ 0, Σ a = 1, low ≤ U a ≤ high} is one item within all limits; two, whose mean is on one limit and
within the others; or three, whose mean is a corner. As with pairs, chords bound what a vertex can be. Of the three
items of a corner, multipliers of a linear program say that one at least is among a few, wherever the vertex is farther
than the best so far: r_i = t + y · leads_i − chord_i ≥ 0 for every item, and Σ w r is by how much it falls short.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from attnprobe.erasure.adversaries.distances import RowDistance
from attnprobe.erasure.adversaries.one_document import Found, Problem


def farthest_triangle(problem: Problem, distance: RowDistance) -> Found:
    """The farthest row of a document with two rivals."""
    alone = problem.gains(distance, np.ones_like(problem.weights))
    best = _Best(problem, distance)
    best.offer(*_singles(problem, alone))
    for rival, side in itertools.product((0, 1), (problem.low, problem.high)):
        if np.isfinite(side[rival]):
            best.offer(*_pairs(problem, alone, rival, side[rival]))
    for corner in itertools.product(*zip(problem.low, problem.high, strict=True)):
        if np.isfinite(corner).all():
            for triples in _triples(problem, alone, np.array(corner), best):
                best.offer(*triples)
    return Found(best.gains, best.gains, best.row)


class _Best:
    """The farthest row of those that were offered."""

    def __init__(self, problem: Problem, distance: RowDistance) -> None:
        self._problem, self._distance = problem, distance
        self.gains, self.row = -np.inf, problem.weights

    def offer(self, chords: np.ndarray, items: np.ndarray, weights: np.ndarray) -> None:
        """Look at rows: their chords (rows,), their items and these items' weights (rows, up to three)."""
        for worth in (lambda: np.flatnonzero(chords == chords.max(initial=-np.inf))[:1], lambda: slice(None)):
            some = worth()
            beyond = np.flatnonzero(chords[some] > self.gains)
            if not len(beyond):
                continue
            of_items, of_weights = items[some][beyond], weights[some][beyond]
            part = self._problem._replace(weights=self._problem.weights[of_items])
            gains = part.gains(self._distance, of_weights).sum(-1)
            first = int(gains.argmax())
            if gains[first] > self.gains:
                self.gains, self.row = float(gains[first]), np.zeros_like(self._problem.weights)
                self.row[of_items[first]] = of_weights[first]


def _singles(problem: Problem, alone: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    leads = problem.leads
    inside = ((leads >= problem.low[:, None]) & (leads <= problem.high[:, None])).all(0)
    items = np.flatnonzero(inside)
    return alone[items], items[:, None], np.ones((len(items), 1))


def _pairs(problem: Problem, alone: np.ndarray, rival: int, side: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs whose mean is on a side of one rival and within the limits of the other."""
    over = problem.leads[rival] - side
    below, above = np.flatnonzero(over < 0), np.flatnonzero(over > 0)
    weight = over[below, None] / (over[below, None] - over[above])
    other = problem.leads[1 - rival]
    mean = (1 - weight) * other[below, None] + weight * other[above]
    within = (mean >= problem.low[1 - rival]) & (mean <= problem.high[1 - rival])
    first, second = np.nonzero(within)
    weight = weight[within]
    chords = (1 - weight) * alone[below[first]] + weight * alone[above[second]]
    return chords, np.stack([below[first], above[second]], -1), np.stack([1 - weight, weight], -1)


def _triples(
    problem: Problem, alone: np.ndarray, corner: np.ndarray, best: _Best
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Triples whose mean is a corner, those of one item at a time."""
    at_corner = problem._replace(low=corner, high=corner)
    result = at_corner.maximise(alone, (np.zeros_like(problem.most), np.ones_like(problem.most)))
    if result is None:
        return
    over = problem.leads - corner[:, None]
    upper, lower = np.split(result.ineqlin.marginals, 2)
    short = (lower - upper) @ over - alone
    total = -short.min()
    short = short + total
    across = over[0][:, None] * over[1] - over[1][:, None] * over[0]
    later = np.triu(np.ones_like(across, dtype=bool), 1)
    for item in np.argsort(short, kind="stable"):
        if total - short[item] <= best.gains:
            return
        # The weights of (item, j, k) are as the areas that the corner makes with the other two.
        areas = np.broadcast_arrays(across, across[item][None, :] * -1, across[item][:, None])
        same = (areas[0] > 0) & (areas[1] > 0) & (areas[2] > 0) | (areas[0] < 0) & (areas[1] < 0) & (areas[2] < 0)
        j, k = np.nonzero(same & later)
        weights = np.stack([area[j, k] for area in areas], -1)
        weights = weights / weights.sum(-1, keepdims=True)
        items = np.stack([np.full_like(j, item), j, k], -1)
        yield (weights * alone[items]).sum(-1), items, weights
