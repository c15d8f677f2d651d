"""Linear programs that begin where another one ended.

HiGHS keeps the constraints, their factorisation and the last vertex. That is a vertex for any objective, so the primal
simplex method goes on from it to another one; and its multipliers stand when rows are added, so the dual simplex method
goes on from them. What is found is checked as ``linear_programs`` checks, and where it does not stand up, or HiGHS
finds nothing, the program is solved there, from the beginning.
"""

from __future__ import annotations

import numpy as np
from highspy import HighsLp, HighsModelStatus, MatrixFormat, kHighsInf
from highspy._core import _Highs  # highspy.Highs is the same, but writes its version to standard output

from attnprobe.identifiability.linear_programs import TOLERANCE, Numbers, Solution, fault, minimise, solution_of

_OPTIONS: dict[str, bool | float | str] = {
    "output_flag": False,
    "threads": 1,
    "presolve": "off",  # it would undo what is kept
    "solver": "simplex",
    "simplex_scale_strategy": 0,  # the rows are orthonormal, solved for their best columns
    "primal_feasibility_tolerance": TOLERANCE,
    "dual_feasibility_tolerance": TOLERANCE,
}


_DUAL, _PRIMAL = 1, 4  # values of simplex_strategy

_LAZY = 4
"""With more rows than this times the columns, rows are added as they are found to be violated."""


class WarmPrograms:
    """Programs over the x ≥ 0 with ``rows x ≤ at_most``."""

    def __init__(self, rows: Numbers, at_most: Numbers, ceiling: Numbers, free: Numbers | None) -> None:
        """The arguments are those of ``linear_programs.minimise``, all rows imposed from the start."""
        self._constraints = rows, at_most, ceiling, free
        self._left_out: int | None = None
        self._columns = np.arange(rows.shape[1], dtype=np.int32)
        self._solver = _solver(rows, at_most, free, _PRIMAL)

    def minimise(self, objective: Numbers, without: int | None = None) -> Solution:
        """The least ``objective · x``; as ``linear_programs.minimise``, with all rows but the one at ``without``."""
        rows, at_most, ceiling, free = self._constraints
        scale = max(float(np.abs(objective).max(initial=0.0)), 1e-300)
        self._leave_out(without)
        self._solver.changeColsCost(len(objective), self._columns, objective / scale)
        self._solver.run()
        imposed = np.arange(len(rows)) != without
        rows, at_most = rows[imposed], at_most[imposed]
        if self._solver.getModelStatus() == HighsModelStatus.kOptimal:
            found = self._solver.getSolution()
            point, multipliers = np.array(found.col_value), np.array(found.row_dual)[imposed]
            solution = solution_of(objective / scale, rows, at_most, ceiling, free, point, multipliers)
            if fault(solution, rows, at_most) is None:
                return solution.scaled(scale)
        self._solver.clearSolver()
        return minimise(objective, rows, at_most, ceiling, always=len(rows), free=free)

    def _leave_out(self, row: int | None) -> None:
        if self._left_out is not None:
            self._solver.changeRowBounds(self._left_out, -kHighsInf, float(self._constraints[1][self._left_out]))
        if row is not None:
            self._solver.changeRowBounds(row, -kHighsInf, kHighsInf)
        self._left_out = row


def minimise_with_rows(
    objective: Numbers, rows: Numbers, at_most: Numbers, ceiling: Numbers, *, always: int, free: Numbers | None
) -> Solution:
    """As ``linear_programs.minimise``, but that of many rows those that are violated join the ones that are there."""
    scale = max(float(np.abs(objective).max(initial=0.0)), 1e-300)
    imposed = np.arange(always if len(rows) - always > _LAZY * rows.shape[1] else len(rows))
    solver = _solver(rows[imposed], at_most[imposed], free, _DUAL)
    solver.changeColsCost(len(objective), np.arange(len(objective), dtype=np.int32), objective / scale)
    while solver.run() is not None and solver.getModelStatus() == HighsModelStatus.kOptimal:
        found = solver.getSolution()
        point, multipliers = np.array(found.col_value), np.zeros(len(rows))
        excess = rows @ point - at_most
        excess[imposed] = -np.inf
        worst = np.argsort(-excess, kind="stable")[: rows.shape[1]]
        violated = worst[excess[worst] > TOLERANCE]
        if not len(violated):
            multipliers[imposed] = found.row_dual
            solution = solution_of(objective / scale, rows, at_most, ceiling, free, point, multipliers)
            if fault(solution, rows, at_most) is None:
                return solution.scaled(scale)
            break
        _add(solver, rows[violated], at_most[violated])
        imposed = np.concatenate([imposed, violated])
    return minimise(objective, rows, at_most, ceiling, always=always, free=free)


def _solver(rows: Numbers, at_most: Numbers, free: Numbers | None, strategy: int) -> _Highs:
    solver = _Highs()
    for name, value in (_OPTIONS | {"simplex_strategy": strategy}).items():
        solver.setOptionValue(name, value)
    solver.passModel(_model(rows, at_most, free))
    return solver


def _add(solver: _Highs, rows: Numbers, at_most: Numbers) -> None:
    row, column = np.nonzero(rows)
    starts = np.searchsorted(row, np.arange(len(rows))).astype(np.int32)
    least = np.full(len(rows), -kHighsInf)
    solver.addRows(len(rows), least, at_most, len(row), starts, column.astype(np.int32), rows[row, column])


def _model(rows: Numbers, at_most: Numbers, free: Numbers | None) -> HighsLp:
    count, width = rows.shape
    model = HighsLp()
    model.num_row_, model.num_col_ = count, width
    model.col_cost_ = np.zeros(width)
    model.col_lower_ = np.zeros(width) if free is None else np.where(free, -kHighsInf, 0.0)
    model.col_upper_ = np.full(width, kHighsInf)
    model.row_lower_, model.row_upper_ = np.full(count, -kHighsInf), at_most
    column, row = np.nonzero(rows.T)
    model.a_matrix_.format_ = MatrixFormat.kColwise
    model.a_matrix_.start_ = np.concatenate([[0], np.cumsum(np.bincount(column, minlength=width))])
    model.a_matrix_.index_, model.a_matrix_.value_ = row, rows.T[column, row]
    return model
