"""The farthest row where vertices are too many to look at: one that is attained, and a bound that is certain.

Over ranges l ≤ w ≤ h of an item's weight its gain, being convex, lies below its chord. The sum of chords is linear, so
that a linear program bounds the distance over a box of ranges, and its solution is itself a row. The box with the
largest bound is cut in two where a chord is farthest above its gain, until the bound is the best row's distance or the
budget is spent. Bounds are made from the program's multipliers in float64, and hold whatever the solver did; only that
a box is empty is its word.
"""

from __future__ import annotations

import heapq
import itertools

import numpy as np

from attnprobe.base.errors import SolverError
from attnprobe.erasure.adversaries.distances import RowDistance
from attnprobe.erasure.adversaries.one_document import Found, Problem

_CLOSED = 1e-10
"""A bound that is no farther above what is attained than this is it, but for rounding."""


def farthest_row(problem: Problem, distance: RowDistance, programs: int) -> Found:
    """The farthest row, as far as so many linear programs tell."""
    best = Found(0.0 if distance.base == 0 else -distance.base, np.inf, problem.weights)
    root = np.zeros_like(problem.most), problem.most.copy()
    numbers = itertools.count()
    solved = _solve(problem, distance, *root)
    if solved is None:
        raise SolverError("the rows with nearly the same prediction were found empty")
    best = max(best, solved, key=lambda each: each.gains)
    queue = [(-solved.bound, next(numbers), root, solved)]
    spent = 1
    while queue and -queue[0][0] > best.gains + _CLOSED and spent < programs:
        _, _, box, solved = heapq.heappop(queue)
        for part in _halves(problem, distance, box, solved.row):
            solved = _solve(problem, distance, *part)
            spent += 1
            if solved is None:
                continue
            best = max(best, solved, key=lambda each: each.gains)
            if solved.bound > best.gains + _CLOSED:
                heapq.heappush(queue, (-solved.bound, next(numbers), part, solved))
    # Boxes that were dropped reach no farther than that above the best.
    bound = max(best.gains + _CLOSED, -queue[0][0]) if queue else best.gains + _CLOSED
    return Found(best.gains, bound, best.row)


def _solve(problem: Problem, distance: RowDistance, low: np.ndarray, high: np.ndarray) -> Found | None:
    """The best row of a box by its chords: what it gains, and the bound of the box; None where the box has no row."""
    at_low, at_high = (problem.gains(distance, at) for at in (low, high))
    width = high - low
    slope = np.divide(at_high - at_low, width, out=np.zeros_like(width), where=width > 0)
    constant = float((at_low - slope * low).sum())
    result = problem.maximise(slope, (low, high))
    if result is None:
        return None
    row = np.clip(result.x, low, high)
    gains = float(problem.gains(distance, row).sum())
    upper, lower = np.split(np.minimum(result.ineqlin.marginals, 0.0), 2)
    return Found(gains, constant + _bound(problem, slope, (low, high), upper, lower, result.eqlin.marginals[0]), row)


def _bound(
    problem: Problem,
    slope: np.ndarray,
    box: tuple[np.ndarray, np.ndarray],
    upper: np.ndarray,
    lower: np.ndarray,
    total: float,
) -> float:
    """What multipliers prove: no row of the box has a larger Σ slope · w.

    For any y ≥ 0 of the limits and any t, Σ s w ≤ y · limits + t + Σ max over the box of (s − y · rows − t) w.
    """
    up, down = -upper, -lower
    reduced = slope - up @ problem.leads + down @ problem.leads + total
    limits = np.append(problem.high, -problem.low)
    multipliers = np.append(up, down)
    used = multipliers > 0
    proven = float(multipliers[used] @ limits[used]) - total
    return proven + float(np.maximum(reduced * box[0], reduced * box[1]).sum())


def _halves(
    problem: Problem, distance: RowDistance, box: tuple[np.ndarray, np.ndarray], row: np.ndarray
) -> list[tuple[np.ndarray, np.ndarray]]:
    """A box cut in two at the row's weight of the item whose chord is farthest above its gain there."""
    low, high = box
    at_low, at_high, at_row = (problem.gains(distance, at) for at in (low, high, row))
    width = high - low
    share = np.divide(row - low, width, out=np.zeros_like(width), where=width > 0)
    over = at_low + share * (at_high - at_low) - at_row
    item = int(over.argmax())
    # Not too near an end, where a half would be hardly smaller than the whole.
    at = float(np.clip(row[item], low[item] + 0.05 * width[item], high[item] - 0.05 * width[item]))
    below, above = high.copy(), low.copy()
    below[item] = above[item] = at
    return [(low, below), (above, high)]
