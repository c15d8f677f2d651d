"""The rows of attention of one document with nearly the same prediction, and linear programs over them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.optimize import linprog

from attnprobe.base.errors import SolverError
from attnprobe.erasure.adversaries.distances import RowDistance
from attnprobe.erasure.adversaries.feasible_rows import ROUNDING

_TOLERANCES = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
"""The tightest that HiGHS takes."""

_INFEASIBLE = 2
"""What SciPy says of a program without a solution."""


class Problem(NamedTuple):
    """Of one document.

    Attributes:
        weights: its attention (items,).
        leads: (rivals, items).
        low, high: of the means of the leads (rivals,).
        most: what each item may weigh (items,).
    """

    weights: np.ndarray
    leads: np.ndarray
    low: np.ndarray
    high: np.ndarray
    most: np.ndarray

    def gains(self, distance: RowDistance, row: np.ndarray) -> np.ndarray:
        """What each item of a row gains (items,)."""
        pair = (torch.from_numpy(np.ascontiguousarray(each)) for each in (self.weights, row))
        found: np.ndarray = distance.gain(*pair).numpy()
        return found

    def maximise(self, objective: np.ndarray, box: tuple[np.ndarray, np.ndarray]) -> Any | None:  # noqa: ANN401
        """The row within a box (low and high weights) with the largest sum of an objective; None where there is none.

        Raises:
            SolverError: the program was neither solved nor found to have no solution.
        """
        limits = np.append(self.high, -self.low)
        result = linprog(
            -objective,
            A_ub=np.vstack([self.leads, -self.leads]),
            b_ub=np.minimum(limits, np.finfo(float).max),  # which HiGHS takes as none
            A_eq=np.ones((1, len(objective))),
            b_eq=[1.0],
            bounds=np.stack(box, 1),
            method="highs-ds",
            options=_TOLERANCES,
        )
        if result.status == _INFEASIBLE:
            return None
        if result.x is None:
            raise SolverError(f"a linear program was not solved: {result.message}")
        return result

    def row_with(self, items: np.ndarray) -> np.ndarray | None:
        """A row in which some of ``items`` (items,) weigh something; None where there is none."""
        result = self.maximise(items.astype(float), (np.zeros_like(self.most), self.most))
        if result is None or -result.fun <= ROUNDING:
            return None
        row: np.ndarray = np.maximum(result.x, 0.0)
        return row

    def of_items(self, items: np.ndarray) -> Problem:
        """The same where other items than these (items,) have no weight."""
        return self._replace(weights=self.weights[items], leads=self.leads[:, items], most=self.most[items])


class Found(NamedTuple):
    """The sum of gains of a row (items,), and a bound that no row's sum is above."""

    gains: float
    bound: float
    row: np.ndarray
