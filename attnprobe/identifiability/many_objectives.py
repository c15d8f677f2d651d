"""The primal simplex method for many objectives over one polytope at once.

For ``max c·x subject to A x = b, x ≥ 0`` it goes from vertex to vertex by exchanging one of the basic columns B. What
an exchange costs is mostly the row ``(A_B⁻¹)_r A`` by which reduced costs and weights change: a product of a vector and
a matrix, which for many objectives is one of two matrices. So objectives that begin at the same vertex take their steps
side by side, each with a basis of its own, until none has a column that would gain. Columns are priced by Devex weights
(Harris 1973, *Pivot selection methods of the Devex LP code*), and of the rows that may leave within a tolerance the one
with the largest pivot does.

Every vertex is solved for anew when its objective is through, and so are the multipliers y, which prove

    c·x ≤ b·y + Σ_j max(0, c_j − (y A)_j) u_j        of any x with x ≤ u.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import scipy.linalg

from attnprobe.identifiability.linear_programs import Numbers

_GAIN = 1e-10
"""A column gains where its reduced cost, of objectives of size one, is above this."""

_PIVOT = 1e-9
"""Smaller entries are no pivots."""

_SLACK = 1e-12
"""By how much a basic variable may be passed over for a larger pivot."""

_EXCHANGES = 20
"""After so many times the columns an objective is given up: it goes round in a circle."""

_BLOCK = 300_000
"""So many numbers of inverses are held side by side: they stay in the cache."""


class Vertices(NamedTuple):
    """Where each objective is largest.

    Attributes:
        points: (objectives, columns); each solves ``A x = b``.
        gaps: by how much the bound that its multipliers prove exceeds its value (objectives,); infinite where the
            objective was given up.
    """

    points: Numbers
    gaps: Numbers


def maximise_each(objectives: Numbers, rows: Numbers, level: Numbers, ceiling: Numbers, basis: np.ndarray) -> Vertices:
    """The vertex at which each objective is largest.

    Args:
        objectives: (objectives, columns), of size one.
        rows: A (rows, columns), of full rank.
        level: b (rows,).
        ceiling: what x cannot exceed (columns,).
        basis: as many columns as there are rows, which make a vertex.
    """
    size = max(8, _BLOCK // len(rows) ** 2)
    points, gaps = np.zeros(objectives.shape), np.full(len(objectives), np.inf)
    for start in range(0, len(objectives), size):
        block = slice(start, start + size)
        found, through = _exchanged(objectives[block], rows, level, basis)
        if through.any():
            numbers = start + np.flatnonzero(through)
            points[numbers], gaps[numbers] = _solved(objectives[numbers], rows, level, ceiling, found[through])
    return Vertices(points, gaps)


def basis_at(point: Numbers, rows: Numbers, level: Numbers) -> np.ndarray | None:
    """Columns (rows,) that make the vertex ``point`` (columns,); None where none such are found."""
    weighted = rows * np.maximum(point, _SLACK)  # columns that are not zero come first
    basis: np.ndarray = scipy.linalg.qr(weighted, mode="r", pivoting=True)[1][: len(rows)]
    try:
        outside = np.linalg.solve(rows[:, basis], level).min(initial=0.0) < -_GAIN
    except np.linalg.LinAlgError:
        return None
    return None if outside else basis


def _exchanged(objectives: Numbers, rows: Numbers, level: Numbers, basis: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The basis (objectives, rows) at which each objective ends, and whether it is one where nothing gains."""
    count, columns = objectives.shape
    last, through = np.tile(basis, (count, 1)), np.zeros(count, dtype=np.bool_)
    inverse = np.linalg.inv(rows[:, basis])
    going = _Going(
        np.arange(count),
        last.copy(),
        np.tile(inverse, (count, 1, 1)),
        np.tile((inverse @ level).clip(min=0.0), (count, 1)),
        objectives - (objectives[:, basis] @ inverse) @ rows,
        np.ones((count, columns)),
    )
    going.gains[:, basis] = 0.0
    for _ in range(_EXCHANGES * columns):
        worth = going.gains.clip(min=_GAIN) - _GAIN
        worth *= worth
        worth /= going.prices
        entering = worth.argmax(1)
        ended = worth[np.arange(len(worth)), entering] == 0
        if ended.any():
            last[going.objective[ended]], through[going.objective[ended]] = going.basis[ended], True
            going, entering = _Going(*(part[~ended] for part in going)), entering[~ended]
            if not len(entering):
                break
        if not _exchange(going, rows, entering):
            break
    return last, through


class _Going(NamedTuple):
    """Of each objective that is not through: its number, basis, inverse, basic variables, reduced costs, weights."""

    objective: np.ndarray
    basis: np.ndarray
    inverse: Numbers
    level: Numbers
    gains: Numbers
    prices: Numbers


def _exchange(going: _Going, rows: Numbers, entering: np.ndarray) -> bool:
    """One column in and one out, in place, of each; False where one could grow without end."""
    each = np.arange(len(entering))
    direction = np.matmul(going.inverse, rows.T[entering][:, :, None])[:, :, 0]
    pivots = np.where(direction > _PIVOT, direction, np.inf)
    furthest = ((going.level + _SLACK) / pivots).min(1, initial=np.inf, where=np.isfinite(pivots))
    if not np.isfinite(furthest).all():
        return False
    within = (going.level / pivots <= furthest[:, None]) & np.isfinite(pivots)
    leaving = np.where(within, pivots, 0.0).argmax(1)
    pivot = direction[each, leaving]
    step = going.level[each, leaving] / pivot
    row = going.inverse[each, leaving] / pivot[:, None]
    moved = row @ rows
    price = going.prices[each, entering]
    np.maximum(going.prices, moved * moved * price[:, None], out=going.prices)
    left = going.basis[each, leaving]
    going.prices[each, left] = np.maximum(price / pivot**2, 1.0)
    moved *= going.gains[each, entering][:, None]
    going.gains[...] -= moved
    going.gains[each, entering] = 0.0
    going.level[...] -= step[:, None] * direction
    going.level[each, leaving] = step
    going.level.clip(min=0.0, out=going.level)
    direction[each, leaving] = 0.0
    going.inverse[...] -= direction[:, :, None] * row[:, None, :]
    going.inverse[each, leaving] = row
    going.basis[each, leaving] = entering
    return True


def _solved(
    objectives: Numbers, rows: Numbers, level: Numbers, ceiling: Numbers, basis: np.ndarray
) -> tuple[Numbers, Numbers]:
    """Points and gaps as in ``Vertices``, each basis solved for anew."""
    square: Any = rows[:, basis].transpose(1, 0, 2)
    costs = np.take_along_axis(objectives, basis, 1)
    try:
        basic = np.linalg.solve(square, np.broadcast_to(level[:, None], (len(basis), len(level), 1)))[:, :, 0]
        multipliers = np.linalg.solve(square.transpose(0, 2, 1), costs[:, :, None])[:, :, 0]
    except np.linalg.LinAlgError:
        return np.zeros_like(objectives), np.full(len(objectives), np.inf)
    points = np.zeros_like(objectives)
    np.put_along_axis(points, basis, basic, 1)
    beyond = (objectives - multipliers @ rows).clip(min=0.0) @ ceiling
    return points, multipliers @ level + beyond - (costs * basic).sum(1)
