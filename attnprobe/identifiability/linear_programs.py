"""Linear programs solved by HiGHS, and each solution checked against the dual that comes with it.

For ``min c·x subject to A x ≤ b, 0 ≤ x ≤ u`` any y ≤ 0 proves

    c·x ≥ b·y + Σ_j min(0, (c − Aᵀy)_j) u_j,

so the solver's multipliers are turned into a bound that holds whether or not the solver is right about them. A point
that misses a constraint by more than 1e-9, or a bound that misses the value by more than 1e-7, is solved again
by other means, and then refused.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np
from scipy.optimize import linprog

from attnprobe.base.errors import SolverError

Numbers: TypeAlias = "np.ndarray[Any, np.dtype[np.float64]]"

RESIDUAL = 1e-9
"""By how much a point may miss a constraint."""

GAP = 1e-7
"""By how much the bound may miss the value, relative to the largest coefficient of the objective."""

TOLERANCE = 1e-10
"""The tightest tolerance that HiGHS takes."""

_LAZY = 4
"""With more rows than this times the columns, rows are added as they are found to be violated."""

_ATTEMPTS = (("highs-ds", False), ("highs-ds", True), ("highs-ipm", True))


class Solution(NamedTuple):
    """A point (columns,), its ``value``, the ``bound`` that the multipliers (rows,) prove, and the reduced costs."""

    value: float
    bound: float
    point: Numbers
    multipliers: Numbers
    reduced_costs: Numbers

    def scaled(self, scale: float) -> Solution:
        """Of the program whose objective is so many times as large."""
        return Solution(
            self.value * scale, self.bound * scale, self.point, self.multipliers * scale, self.reduced_costs * scale
        )


def fault(solution: Solution, rows: Numbers, at_most: Numbers) -> str | None:
    """What does not stand up to the check, of a program whose largest coefficient is one; None if it all does."""
    missed = max(0.0, float((rows @ solution.point - at_most).max(initial=0.0)))
    gap = solution.value - solution.bound
    if missed <= RESIDUAL and gap <= GAP:
        return None
    return f"a constraint is missed by {missed:.1e}, the bound by {gap:.1e}"


def solution_of(
    objective: Numbers,
    rows: Numbers,
    at_most: Numbers,
    ceiling: Numbers,
    free: Numbers | None,
    point: Numbers,
    multipliers: Numbers,
) -> Solution:
    """A solver's point and multipliers, with the bound that these prove."""
    if free is None:
        point = point.clip(min=0.0)
    multipliers = multipliers.clip(max=0.0)
    reduced = objective - multipliers @ rows
    # Where nothing holds x back, a reduced cost within the solver's tolerance of zero is taken for zero.
    negative = reduced < np.where(np.isfinite(ceiling), 0.0, -1e-8)
    priced = reduced[negative] * ceiling[negative]
    return Solution(float(objective @ point), float(multipliers @ at_most + priced.sum()), point, multipliers, reduced)


def minimise(
    objective: Numbers, rows: Numbers, at_most: Numbers, ceiling: Numbers, *, always: int, free: Numbers | None = None
) -> Solution:
    """Minimise ``objective · x`` over ``rows x ≤ at_most``, x ≥ 0.

    Args:
        objective: (columns,).
        rows: (rows, columns).
        at_most: (rows,).
        ceiling: what x cannot exceed because the rows say so (columns,), ∞ where they do not; only the bound uses it.
        always: how many of the first rows to impose from the start; later ones may wait until they are violated.
        free: True where x may be negative (columns,).

    Raises:
        SolverError: no solution that passes the check.
    """
    if not len(objective):
        return Solution(0.0, 0.0, objective, np.zeros(len(rows)), objective)
    scale = max(float(np.abs(objective).max(initial=0.0)), 1e-300)
    message = "no attempt was made"
    for method, presolve in _ATTEMPTS:
        try:
            solution = _with_rows_as_needed(objective / scale, rows, at_most, ceiling, always, free, (method, presolve))
        except SolverError as error:
            message = str(error)
            continue
        failing = fault(solution, rows, at_most)
        if failing is None:
            return solution.scaled(scale)
        message = failing
    raise SolverError(f"a linear program of {rows.shape[0]} rows and {rows.shape[1]} columns was not solved: {message}")


def _with_rows_as_needed(
    objective: Numbers,
    rows: Numbers,
    at_most: Numbers,
    ceiling: Numbers,
    always: int,
    free: Numbers | None,
    how: tuple[str, bool],
) -> Solution:
    """Many rows are slack at a solution: start with the first ``always`` and add those that a solution violates."""
    imposed = np.ones(len(rows), dtype=bool)
    if len(rows) - always > _LAZY * rows.shape[1]:
        imposed[always:] = False
    while True:
        solution = _solve(objective, rows[imposed], at_most[imposed], ceiling, free, how)
        excess = np.where(imposed, -np.inf, rows @ solution.point - at_most)
        violated = excess > 0
        if not violated.any():
            multipliers = np.zeros(len(rows))
            multipliers[imposed] = solution.multipliers
            return solution._replace(multipliers=multipliers)
        worst = np.argsort(-excess, kind="stable")[: rows.shape[1]]
        imposed[worst[violated[worst]]] = True


def _solve(
    objective: Numbers, rows: Numbers, at_most: Numbers, ceiling: Numbers, free: Numbers | None, how: tuple[str, bool]
) -> Solution:
    method, presolve = how
    bounds: Any = (0, None)
    if free is not None and free.any():
        bounds = np.column_stack([np.where(free, -np.inf, 0.0), np.full(len(objective), np.inf)])
    options: dict[str, Any] = {
        "presolve": presolve,
        "primal_feasibility_tolerance": TOLERANCE,
        "dual_feasibility_tolerance": TOLERANCE,
    }
    solver: Any = linprog
    result = solver(objective, A_ub=rows, b_ub=at_most, bounds=bounds, method=method, options=options)
    if result.status != 0:
        raise SolverError(str(result.message).split("\n")[0])
    point = np.asarray(result.x, dtype=np.float64)
    multipliers = np.asarray(result.ineqlin.marginals, dtype=np.float64)
    return solution_of(objective, rows, at_most, ceiling, free, point, multipliers)
