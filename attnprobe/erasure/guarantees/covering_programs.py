"""The smallest set whose rows of non-negative numbers all reach their thresholds, as a program with binary variables.

Weighted sums of all rows come first: what every row reaches such a sum reaches, and one sort says how many items that
takes at least (Glover's surrogate relaxation, 1968). A row's weight goes up where the set so found falls short of it.
The largest of these numbers is a bound; the sets, made up to what all rows need and less what none does, are
candidates. Where both meet no program is solved.

Else HiGHS solves it within tolerances, relative to rows that are scaled by their thresholds and cut there. So its
answers are checked here in float64: one that falls short excludes itself and all its subsets by a further row, and the
program is solved again. The relaxed program has every set that truly reaches, so that its optimum, once it passes, is
certain.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from attnprobe.base.errors import SolverError

_MOST_ROUNDS = 60
"""Answers that fall short by less than the solver's tolerance; one or two are rare."""

_SUMS, _STEP = 30, 4.0
"""Weighted sums of rows that are tried, and how far their weights go in one step."""

_ROUNDING = 1e-9
"""By how much a sum of a few hundred numbers up to one may be off, and far more."""

_INFEASIBLE = 2
"""What SciPy says of a program without a solution."""

_WHOLE = 1e-6
"""By how much a solver's bound may miss a whole number."""


class Cover(NamedTuple):
    """A set (items,) that reaches every threshold, and a number of items below which none does."""

    chosen: np.ndarray
    bound: int


def smallest_cover(gains: np.ndarray, thresholds: np.ndarray, bound: int, known: np.ndarray) -> Cover:
    """The smallest set of items whose ``gains`` (rows, items) reach ``thresholds`` (rows,).

    Args:
        gains: never negative.
        thresholds: −∞ where nothing has to be reached.
        bound: a number of items below which no set reaches them.
        known: a set (items,) that does.
    """
    rows, limits, items = _scaled(gains, thresholds)
    sums = _by_sums(rows)
    bound = max(bound, sums.bound)
    candidate = np.zeros(gains.shape[1], dtype=bool)
    candidate[items] = sums.chosen
    if candidate.sum() < known.sum() and reaches(gains, thresholds, candidate):
        known = candidate
    if bound >= known.sum():
        return Cover(known, int(known.sum()))
    for _ in range(_MOST_ROUNDS):
        try:
            solved = _solve(np.ones(len(items)), rows, limits, np.full(len(limits), np.inf))
        except SolverError:
            break  # the bound says that this is not known
        if solved is None:  # no relaxed set, though the known one is: the solver errs
            break
        chosen = np.zeros(gains.shape[1], dtype=bool)
        chosen[items] = solved.chosen
        bound = max(bound, solved.bound)
        if bound >= known.sum():
            return Cover(known, int(known.sum()))
        if reaches(gains, thresholds, chosen):
            return Cover(chosen, min(bound, int(chosen.sum())))
        rows = np.vstack([rows, ~chosen[items]])
        limits = np.append(limits, 1.0)
    return Cover(known, bound)


def completing_set(gains: np.ndarray, thresholds: np.ndarray, item: int) -> np.ndarray | None:
    """A set (items,) of other items that falls short alone, and reaches every threshold with ``item``; None: none does.

    Raises:
        SolverError: a program was given up.
    """
    for order in (np.argsort(gains.sum(0), kind="stable"), np.argsort(-gains.sum(0), kind="stable")):
        others = _left_out(gains, thresholds, item, order)
        if not reaches(gains, thresholds, others):
            return others
    rows, limits, items = _scaled(gains, thresholds)
    free = np.flatnonzero(items != item)
    own = rows[:, items == item].sum(1)
    for row, short in enumerate(np.flatnonzero(thresholds > 0)):
        if own[row] > 0:
            lower, upper = np.append(limits - own, -np.inf), np.append(np.full(len(limits), np.inf), limits[row])
            program = np.vstack([rows, rows[row]])[:, free], lower, upper
            found = _completing(gains, thresholds, (item, int(short)), items[free], program)
            if found is not None:
                return found
    return None


def reaches(gains: np.ndarray, thresholds: np.ndarray, chosen: np.ndarray) -> bool:
    """Whether the sums of a set's rows reach all thresholds."""
    return bool((gains[:, chosen].sum(1) >= thresholds).all())


def _completing(
    gains: np.ndarray,
    thresholds: np.ndarray,
    item_and_row: tuple[int, int],
    items: np.ndarray,
    program: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> np.ndarray | None:
    """The same where it is one row that falls short: rows of a program, each with its lower and its upper limit."""
    item, short = item_and_row
    rows, lower, upper = program
    for _ in range(_MOST_ROUNDS):
        solved = _solve(np.zeros(len(items)), rows, lower, upper)
        if solved is None:
            return None
        others = np.zeros(gains.shape[1], dtype=bool)
        others[items] = solved.chosen
        together = others.copy()
        together[item] = True
        inside = others[items].astype(float)
        if not reaches(gains, thresholds, together):  # neither does any subset
            rows, lower, upper = np.vstack([rows, 1 - inside]), np.append(lower, 1.0), np.append(upper, np.inf)
        elif reaches(gains[[short]], thresholds[[short]], others):  # and so does every set that holds it
            rows, lower, upper = (
                np.vstack([rows, inside]),
                np.append(lower, -np.inf),
                np.append(upper, inside.sum() - 1),
            )
        else:
            return others
    raise SolverError(f"not found out, as {_MOST_ROUNDS} answers of a program fell short by rounding")


def _left_out(gains: np.ndarray, thresholds: np.ndarray, item: int, order: np.ndarray) -> np.ndarray:
    """All other items but those that can be left out one after the other while ``item`` is there."""
    kept = np.ones(gains.shape[1], dtype=bool)
    for each in order:
        if each != item:
            kept[each] = False
            kept[each] = not reaches(gains, thresholds, kept)
    kept[item] = False
    return kept


class _Solved(NamedTuple):
    chosen: np.ndarray
    bound: int


def _solve(costs: np.ndarray, rows: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> _Solved | None:
    """A program with binary variables; None where it has no solution.

    Raises:
        SolverError: it was neither solved nor found to have no solution.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp  # slow to import, and wanted of few documents

    result = milp(
        costs,
        integrality=np.ones(len(costs)),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(rows, lower, upper),
        options={"mip_rel_gap": 0.0},
    )
    if result.status == _INFEASIBLE:
        return None
    if result.x is None:
        raise SolverError(f"a covering program was not solved: {result.message}")
    return _Solved(result.x > 0.5, int(np.ceil((result.mip_dual_bound or 0.0) - _WHOLE)))


def _by_sums(rows: np.ndarray) -> Cover:
    """A small set (items,) whose ``rows`` (rows, items), which are never negative, all sum to one, and a bound.

    Both are of weighted sums of the rows; without any such set all items are given.
    """
    weights, bound = np.full(len(rows), 1 / max(1, len(rows))), 0
    best = np.ones(rows.shape[1], dtype=bool)
    for _ in range(_SUMS if len(rows) else 0):
        together = weights @ rows
        order = np.argsort(-together, kind="stable")
        # Short by more than rounding: then no other set of so many items has a larger sum.
        short = int((together[order].cumsum() < 1 - _ROUNDING).sum())
        bound = max(bound, min(short + 1, len(order)))
        best = min(best, _made_up(rows, order), key=np.sum)
        if best.sum() <= bound:
            break
        reached = rows[:, order[: short + 1]].sum(1)
        weights = weights * np.exp(_STEP * (reached.min() - reached))
        weights /= weights.sum()
    return Cover(best, bound)


def _made_up(rows: np.ndarray, order: np.ndarray) -> np.ndarray:
    """The first items of an order (items,) that all rows need, less those, from the last on, that none does."""
    chosen = np.ones(rows.shape[1], dtype=bool)
    reached = rows[:, order].cumsum(1)
    enough = (reached >= 1).all(0)
    if not enough.any():
        return chosen
    last = int(enough.argmax())
    chosen[order[last + 1 :]] = False
    sums = reached[:, last]
    for item in order[:last][::-1]:
        without = sums - rows[:, item]
        if (without >= 1).all():
            sums, chosen[item] = without, False
    return chosen


def _scaled(gains: np.ndarray, thresholds: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows over what they have to reach, cut there, of the items that give anything; their limits; these items."""
    needed = thresholds > 0
    items = np.flatnonzero((gains[needed] > 0).any(0))
    wanted = thresholds[needed, None]
    return np.minimum(gains[needed][:, items], wanted) / wanted, np.ones(int(needed.sum())), items
