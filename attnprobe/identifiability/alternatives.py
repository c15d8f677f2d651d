"""The polytope of all attention weights that share an output with the observed ones, and linear programs over it.

A linear objective or inequality on items becomes one on the merged variables of ``canonical_form``: items that are
alike in every constraint need one variable, with the least coefficient among them. Every optimum comes with the weights
that attain it, checked against the constraints, and with what the dual proves.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import NamedTuple

import numpy as np

from attnprobe.base.errors import SolverError
from attnprobe.identifiability.canonical_form import Space
from attnprobe.identifiability.linear_programs import RESIDUAL, Numbers
from attnprobe.identifiability.many_objectives import basis_at, maximise_each
from attnprobe.identifiability.warm_programs import WarmPrograms, minimise_with_rows

_SNAP = 1e-13
"""Weights below this are zero in a certificate: an item without weight must not have a share of rounding."""


class Extreme(NamedTuple):
    """The solution of a program over all alternatives.

    Attributes:
        value: the optimum, attained by ``weights``.
        bound: what the dual proves about it: no alternative goes beyond.
        weights: the certificate (items,), or (heads, items) where several heads are free; distributions with the same
            output, checked to 1e-9.
        reduced_costs: (weights,) r with ``objective · a' ≥ bound + r · a'`` for every alternative a' and r ≥ 0 at a
            minimum, ``≤`` both times at a maximum; None where the program had inequalities.
    """

    value: float
    bound: float
    weights: Numbers
    reduced_costs: Numbers | None


class Extremes(NamedTuple):
    """The ranges of all weights and the alternatives that attain them.

    Attributes:
        low, high: least and greatest weights, in the shape of the observed ones.
        vertices: (vertices, …): the observed weights first, then for every ``high`` and ``low`` one that attains it.
    """

    low: Numbers
    high: Numbers
    vertices: Numbers


class _Variables(NamedTuple):
    """The variables of a program.

    Attributes:
        member: the weights that have one of their own (k,).
        base: of each variable the group, or the number of the further variable (variables,); members come first.
        basic: those that are solved for, one a row of ``canonical``.
        moved: all others.
        canonical: of the columns of ``moved``.
        level: what ``basic`` are where ``moved`` are all zero.
    """

    member: np.ndarray
    base: np.ndarray
    basic: np.ndarray
    moved: np.ndarray
    canonical: Numbers
    level: Numbers

    def moved_alone(self, rows: Numbers) -> tuple[Numbers, Numbers]:
        """Rows (k, weights) of coefficients of weights, as such of moved variables (k, moved), and constants (k,)."""
        further = len(self.base) - len(self.member)
        return self.solved_for(np.pad(rows[:, self.member], ((0, 0), (0, further))))

    def solved_for(self, rows: Numbers) -> tuple[Numbers, Numbers]:
        """As :meth:`moved_alone`, of rows (k, variables)."""
        basic = rows[:, self.basic]
        return rows[:, self.moved] - basic @ self.canonical, basic @ self.level


class Alternatives:
    """All weights of one attention row, or of that row in every head, that leave something unchanged.

    ``same_output`` makes them, one function per thing that is left unchanged.

    Attributes:
        observed: the observed weights (items,) or (heads, items).
        space: the constraints in canonical form.
        dimension: how many directions there are to move in, before a' ≥ 0 and the inequalities.
    """

    def __init__(self, observed: Numbers, space: Space) -> None:
        self.observed = observed
        self.space = space
        self.dimension = len(space.start) - len(space.basic)
        self._programs: WarmPrograms | None = None

    def residual(self, weights: Numbers) -> float:
        """By how much weights fail to be an alternative: sums, negative entries, output relative to the values' norm.

        Further variables are not part of it: where there are any, only sums and signs are checked.
        """
        flat = weights.reshape(-1)
        change = np.bincount(self.space.group, flat, self.space.groups) - self.space.start[: self.space.groups]
        rows = self.space.equalities
        if len(self.space.start) > self.space.groups:
            rows = self.space.sums
        negative = max(0.0, -float(flat.min()))
        missed = float(np.abs(rows[:, : self.space.groups] @ change).max(initial=0.0))
        beyond = 0.0
        if len(self.space.start) == self.space.groups and len(self.space.at_most):
            beyond = float((self.space.inequalities @ (self.space.start + change) - self.space.at_most).max())
        return max(negative, missed, beyond)

    def fixes(self, rows: Numbers) -> bool:
        """Whether each row (k, weights) of coefficients has one and the same product with all alternatives."""
        merged = np.zeros((len(rows), len(self.space.start)))
        merged[:, self.space.group] = rows
        if not np.array_equal(merged[:, self.space.group], rows):
            return False
        moved = merged - merged[:, self.space.basic] @ self.space.canonical
        return bool(np.abs(moved).max(initial=0.0) <= RESIDUAL * max(np.abs(rows).max(initial=0.0), 1e-300))

    def minimise(self, objective: Numbers, rows: Numbers | None = None, at_most: Numbers | None = None) -> Extreme:
        """The least ``objective · a'`` over all alternatives with ``rows a' ≤ at_most``.

        Args:
            objective: coefficients of the weights, in the shape of ``observed``.
            rows: further inequalities (k, weights).
            at_most: (k,).

        Raises:
            SolverError: the program could not be solved, or the rows leave nothing.
        """
        return self._extreme(objective.reshape(-1), rows, at_most, None)

    def maximise(self, objective: Numbers, rows: Numbers | None = None, at_most: Numbers | None = None) -> Extreme:
        """The greatest ``objective · a'``; as :meth:`minimise`."""
        found = self._extreme(-objective.reshape(-1), rows, at_most, None)
        costs = None if found.reduced_costs is None else -found.reduced_costs
        return Extreme(-found.value, -found.bound, found.weights, costs)

    def largest_slack(self, rows: Numbers, at_most: Numbers, ceiling: float = 1.0) -> Extreme:
        """The greatest t ≤ ``ceiling`` for which some alternative has ``rows a' + t ≤ at_most``: always feasible.

        ``value`` is t; it is negative where no alternative satisfies the rows.
        """
        found = self._extreme(np.zeros(len(self.space.group)), rows, at_most, ceiling)
        return Extreme(-found.value, -found.bound, found.weights, None)

    def leads(self, items: Iterable[int]) -> list[float]:
        """By how much each of these items can exceed the largest of all others at best, in one row of one head.

        Negative where the item is always behind another one.
        """
        # min s − a'_j with a'_k ≤ s for all k but j.
        width = len(self.space.group)
        rows, at_most = np.eye(width), np.zeros(width)
        variables = self._variables(at_most, rows)
        constraints = self._constraints(variables, rows, at_most, 0.0)
        programs, leads = WarmPrograms(*constraints), []
        for item in items:
            costs, shift = variables.moved_alone(-rows[item : item + 1])
            solved = programs.minimise(np.append(costs[0], 1.0), without=len(constraints[0]) - width + item)
            leads.append(-solved.value - float(shift[0]))
        return leads

    @cached_property
    def extremes(self) -> Extremes:
        """The least and the greatest value of each weight; the vertices serve whoever needs many alternatives."""
        found = self.observed.reshape(1, -1)
        if self.dimension or self.space.groups < found.shape[1]:
            units = np.eye(found.shape[1])
            found = np.vstack([found, self._maximise_each(units)])
            # A vertex has as many zeros as there are dimensions: most items have been at zero by now.
            found = np.vstack([found, self._maximise_each(-units[found.min(0) > 0])])
        vertices = found.reshape(-1, *self.observed.shape)
        return Extremes(vertices.min(0), vertices.max(0), vertices)

    def _maximise_each(self, objectives: Numbers) -> Numbers:
        """Weights (objectives, weights) at which each objective (objectives, weights), of size one, is largest."""
        side_by_side = self._maximised_side_by_side(objectives)
        found = [
            self.maximise(objective).weights.reshape(-1) if weights is None else weights
            for objective, weights in zip(objectives, side_by_side, strict=True)
        ]
        return np.array(found).reshape(objectives.shape)

    def _maximised_side_by_side(self, objectives: Numbers) -> list[Numbers | None]:
        """As :meth:`_maximise_each`, without those that do not stand up to the check."""
        space = self.space
        found: list[Numbers | None] = [None] * len(objectives)
        if len(objectives) < 2 or len(space.start) > space.groups or len(space.at_most):
            return found
        level = space.equalities @ space.start
        vertex = self.maximise(objectives[0]).weights.reshape(-1)
        mass: Numbers = np.bincount(space.group, vertex, space.groups).astype(np.float64)
        basis = basis_at(mass, space.equalities, level)
        if basis is None:
            return found
        members = np.stack([self._members(-objective, np.zeros((0, len(objective)))) for objective in objectives])
        merged = np.take_along_axis(objectives, members, axis=1)
        distinct, which = np.unique(merged, axis=0, return_inverse=True)
        points, gaps = maximise_each(distinct, space.equalities, level, space.ceiling, basis)
        for number, (member, of) in enumerate(zip(members, which.reshape(-1), strict=True)):
            if gaps[of] <= RESIDUAL and points[of].min() >= -RESIDUAL:
                weights = self._certificate(points[of].copy(), np.arange(space.groups), member)
                found[number] = weights.reshape(-1)
        return found

    def _extreme(
        self, objective: Numbers, rows: Numbers | None, at_most: Numbers | None, ceiling: float | None
    ) -> Extreme:
        if rows is None or at_most is None:
            rows, at_most = np.zeros((0, len(objective))), np.zeros(0)
        variables = self._variables(objective, rows)
        costs, shift = variables.moved_alone(objective[None])
        if ceiling is not None:
            costs, shift = np.append(costs, [[1.0]], axis=1), shift - ceiling
        if not costs.shape[1] or len(rows):
            matrix, limits, highest, free = self._constraints(variables, rows, at_most, ceiling)
            solved = minimise_with_rows(costs[0], matrix, limits, highest, always=len(matrix) - len(rows), free=free)
        else:
            if self._programs is None:
                self._programs = WarmPrograms(*self._constraints(variables, rows, at_most, ceiling))
            solved = self._programs.minimise(costs[0])
        point = np.empty(len(variables.base))
        point[variables.moved] = solved.point[: len(variables.moved)]
        point[variables.basic] = self.space.level - variables.canonical @ point[variables.moved]
        weights = self._certificate(point, variables.base, variables.member)
        prices: Numbers | None = None
        if ceiling is None and not len(rows) and not len(self.space.at_most):
            signed = self._signed
            on_groups = np.zeros(len(variables.base))
            on_groups[variables.moved] = solved.reduced_costs
            on_groups[variables.basic[signed]] = -solved.multipliers[: int(signed.sum())]
            prices = on_groups[self.space.group].clip(min=0.0)
            prices += objective - objective[variables.member][self.space.group]
        value = float(objective @ weights.reshape(-1)) if ceiling is None else solved.value + float(shift[0])
        return Extreme(value, solved.bound + float(shift[0]), weights, prices)

    def _constraints(
        self, variables: _Variables, rows: Numbers, at_most: Numbers, ceiling: float | None
    ) -> tuple[Numbers, Numbers, Numbers, Numbers | None]:
        """Rows, what they are at most, what the variables cannot exceed and which may be negative; ``rows`` come last.

        With a ceiling there is one more variable, by how much t is below it, so that every variable is non-negative.
        """
        own, own_offset = variables.solved_for(self.space.inequalities[:, variables.base])
        further, offset = variables.moved_alone(rows)
        matrix = np.vstack([variables.canonical[self._signed], own, further])
        limits = np.concatenate([self.space.level[self._signed], self.space.at_most - own_offset, at_most - offset])
        highest, free = self.space.ceiling[variables.base[variables.moved]], self.space.free[variables.base]
        free = free[variables.moved]
        if ceiling is not None:
            takes_slack = np.arange(len(matrix)) >= len(matrix) - len(rows)
            matrix = np.column_stack([matrix, -takes_slack.astype(np.float64)])
            limits = limits - ceiling * takes_slack
            highest, free = np.append(highest, np.inf), np.append(free, False)
        return matrix, limits, highest, free if free.any() else None

    @property
    def _signed(self) -> np.ndarray:
        """Which of the variables that are solved for cannot be negative."""
        return np.asarray(~self.space.free[self.space.basic])

    def _variables(self, objective: Numbers, rows: Numbers) -> _Variables:
        member = self._members(objective, rows)
        base = np.concatenate([self.space.group[member], np.arange(self.space.groups, len(self.space.start))])
        # The first variable of each basic group is solved for; all others are what the program moves.
        basic = np.searchsorted(base, self.space.basic)
        moved = np.setdiff1d(np.arange(len(base)), basic)
        return _Variables(member, base, basic, moved, self.space.canonical[:, base[moved]], self.space.level)

    def _members(self, objective: Numbers, rows: Numbers) -> np.ndarray:
        """The weights that need a variable: of those alike in every constraint, the one with the least coefficient."""
        if self.space.groups == len(self.space.group):
            return np.argsort(self.space.group)
        keys = np.vstack([self.space.group, rows]).T
        alike = np.unique(keys, axis=0, return_inverse=True)[1].reshape(-1)
        order = np.lexsort((objective, alike))
        first = np.r_[True, np.diff(alike[order]) > 0]
        return np.asarray(order[first])

    def _certificate(self, point: Numbers, base: np.ndarray, member: np.ndarray) -> Numbers:
        weights = point[: len(member)]
        lowest = float(weights.min())
        weights[weights < _SNAP] = 0.0
        change = np.bincount(base, point, len(self.space.start)) - self.space.start
        missed = max(-lowest, float(np.abs(self.space.equalities @ change).max(initial=0.0)))
        if missed > RESIDUAL:
            raise SolverError(f"a certificate of {len(self.space.group)} weights misses the output by {missed:.1e}")
        certificate = np.zeros(len(self.space.group))
        certificate[member] = weights
        return certificate.reshape(self.observed.shape)
