"""The polytope of all attention weights that share an output with the observed ones, and linear programs over it.

A linear objective or inequality on items becomes one on the merged variables of ``canonical_form``: items that are
alike in every constraint need one variable, with the least coefficient among them. Every optimum comes with the weights
that attain it, checked against the constraints, and with what the dual proves.
"""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import numpy as np

from attnprobe.identifiability.canonical_form import Space
from attnprobe.identifiability.linear_programs import RESIDUAL, Numbers, SolverError, minimise
from attnprobe.identifiability.many_objectives import basis_at, maximise_each
from attnprobe.identifiability.warm_programs import WarmPrograms

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
        self._warm: WarmPrograms | None = None

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
        basis = basis_at(np.bincount(space.group, vertex, space.groups), space.equalities, level)
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
        member = self._members(objective, rows)
        base = np.concatenate([self.space.group[member], np.arange(self.space.groups, len(self.space.start))])
        padded = np.pad(np.vstack([objective, rows])[:, member], ((0, 0), (0, len(base) - len(member))))
        # The first variable of each basic group is solved for; all others are what the program moves.
        basic = np.searchsorted(base, self.space.basic)
        moved = np.setdiff1d(np.arange(len(base)), basic)
        canonical = self.space.canonical[:, base[moved]]
        every = np.vstack([padded, self.space.inequalities[:, base]])
        reduced = every[:, moved] - every[:, basic] @ canonical
        offset = every[:, basic] @ self.space.level
        signed = ~self.space.free[self.space.basic]
        matrix = np.vstack([canonical[signed], reduced[1 + len(rows) :], reduced[1 : 1 + len(rows)]])
        limits = np.concatenate([at_most, self.space.at_most]) - offset[1:]
        limits = np.concatenate([self.space.level[signed], limits[len(rows) :], limits[: len(rows)]])
        costs, highest = reduced[0], self.space.ceiling[base[moved]]
        free = self.space.free[base[moved]]
        if ceiling is not None:
            # t = ceiling − t', t' ≥ 0, so that every variable is non-negative.
            takes_slack = np.arange(len(matrix)) >= len(matrix) - len(rows)
            matrix = np.column_stack([matrix, -takes_slack.astype(np.float64)])
            limits = limits - ceiling * takes_slack
            costs, highest, free = np.append(costs, 1.0), np.append(highest, np.inf), np.append(free, False)
        always = int(signed.sum()) + len(self.space.at_most)
        constraints = matrix, limits, highest, free if free.any() else None
        if len(rows) == 0 and len(costs):
            if self._warm is None:
                self._warm = WarmPrograms(*constraints)
            solved = self._warm.minimise(costs)
        else:
            solved = minimise(costs, *constraints[:3], always=always, free=constraints[3])
        point = np.empty(len(base))
        point[moved] = solved.point[: len(moved)]
        point[basic] = self.space.level - canonical @ point[moved]
        weights = self._certificate(point, base, member)
        shift = float(offset[0]) - (ceiling or 0.0)
        prices: Numbers | None = None
        if ceiling is None and not len(rows) and not len(self.space.at_most):
            on_groups = np.zeros(len(base))
            on_groups[moved], on_groups[basic[signed]] = solved.reduced_costs, -solved.multipliers[: int(signed.sum())]
            prices = on_groups[self.space.group].clip(min=0.0) + objective - objective[member][self.space.group]
        value = float(objective @ weights.reshape(-1)) if ceiling is None else solved.value + shift
        return Extreme(value, solved.bound + shift, weights, prices)

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
