"""Alternatives behind which the model is not affine: searched, each point a run of the model.

*Within a change of probabilities, or with the same decision*: from given weights towards all heads on one item, each
item in turn, as far as a run of the model allows. *With the same logits*: a point is moved by as little as makes the
logits, taken as linear near it, what they were; again, until a run of the model has them. And it is moved on, a bounded
step at a time, where the mass on items that gained grows and the logits, linear near it, stay.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.optimize import linprog

from attnprobe.identifiability.linear_programs import Numbers
from attnprobe.stages.identifying.read_row import ReadRow

STEPS = 8
"""Points on the way to an item that are tried."""

_CORRECTIONS = 12
"""At most: near a solution each squares the error."""

_EAGERNESS = 10.0
"""What reaching the logits is worth, in weight moved by every head."""

_SAME = 1e-9
"""By how much differences of logits may be missed, relative to the largest logit."""

_FIRST_STEP, _LAST_STEP = 0.4, 0.02
"""Weight that every head may move at a step; it is halved where a step gains nothing."""


def towards_single_items(start: Numbers) -> Numbers:
    """Points (k, heads, items) from the start, which is the first, to all heads on one item, each item in turn."""
    heads, items = start.shape
    targets = np.repeat(np.eye(items)[:, None], heads, axis=1)
    steps = np.arange(1, STEPS + 1)[:, None, None, None] / STEPS
    moved = (1 - steps) * start + steps * targets
    return np.concatenate([start[None], moved.reshape(-1, heads, items)])


def with_same_logits(row: ReadRow, start: Numbers) -> Numbers | None:
    """Weights near the start whose logits are the observed ones to 1e-9, up to a shift of all; None where none is met.

    Args:
        row: of a document.
        start: (heads, items), distributions.
    """
    point: Numbers | None = start
    for _ in range(_CORRECTIONS):
        if point is None:
            return None
        missed, slopes = _missed(row, point)
        if np.abs(missed).max() <= _SAME:
            return point
        # As far towards the logits as distributions go, by as little as it takes.
        costs = np.r_[np.ones(2 * point.size), -_EAGERNESS * len(point)]
        point = _moved(point, costs, slopes, -missed[:-1, None])
    return None


def farther_with_same_logits(row: ReadRow, start: Numbers, distance: Callable[[Numbers], float]) -> Numbers:
    """Weights at least as far away as the start, with the same logits as it to 1e-9.

    Args:
        row: of a document.
        start: (heads, items), with the observed logits.
        distance: of weights from the observed ones.
    """
    point, step = start, _FIRST_STEP
    while step > _LAST_STEP:
        gained = np.where(point > row.weights, -1.0, 0.0).reshape(-1)
        _, slopes = _missed(row, point)
        tried = _moved(point, np.r_[gained, -gained], slopes, None, step * len(point))
        farther = None if tried is None else with_same_logits(row, tried)
        if farther is not None and distance(farther) > distance(point) + _LAST_STEP / 4:
            point = farther
        else:
            step /= 2
    return point


def _missed(row: ReadRow, point: Numbers) -> tuple[Numbers, Numbers]:
    """What is missing to the observed differences of logits (classes,), relative, and its slopes (classes − 1, …)."""
    (wanted,) = row.logits(row.weights[None])
    logits, gradients = row.logits_and_gradients(point)
    scale = max(1.0, float(np.abs(wanted).max()))
    slopes = (gradients - gradients.mean(0)).reshape(len(logits), -1) / scale
    # One of the differences follows from the others.
    return ((wanted - wanted.mean()) - (logits - logits.mean())) / scale, slopes[:-1]


def _moved(
    point: Numbers, costs: Numbers, slopes: Numbers, share: Numbers | None, most: float | None = None
) -> Numbers | None:
    """The point after the cheapest move with ``slopes · move = 0``, or, with a further variable in [0, 1], its share.

    Args:
        point: (heads, items).
        costs: of what is added to each weight, of what is taken away, and of the share.
        slopes: (rows, weights).
        share: column of the share (rows, 1).
        most: how much may be moved in all.
    """
    heads, items = point.shape
    rows = np.vstack([slopes, np.repeat(np.eye(heads), items, axis=1)])
    matrix = np.hstack([rows, -rows])
    bounds: list[tuple[float, float | None]] = [(0.0, None)] * point.size
    bounds += [(0.0, float(weight)) for weight in point.reshape(-1)]
    if share is not None:
        matrix = np.hstack([matrix, np.vstack([share, np.zeros((heads, 1))])])
        bounds.append((0.0, 1.0))
    limit = matrix.shape[1] if most is None else most
    solved = linprog(
        costs,
        A_ub=np.ones((1, matrix.shape[1])),
        b_ub=np.array([limit]),
        A_eq=matrix,
        b_eq=np.zeros(len(matrix)),
        bounds=bounds,
        method="highs",
    )
    if solved.status != 0 or solved.x is None:
        return None
    move = solved.x[: point.size] - solved.x[point.size : 2 * point.size]
    moved = (point + move.reshape(point.shape)).clip(min=0.0)
    return np.asarray(moved / moved.sum(1, keepdims=True))
