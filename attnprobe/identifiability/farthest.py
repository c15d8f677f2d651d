"""The alternative that is farthest from the observed weights in total variation.

``TV(a', a) = Σ_i (a'_i − a_i)₊`` is convex, so its maximum over the polytope is no linear program (it is NP-hard in
general). Three things are:

*From below*, with a certificate: for fixed signs s the best a' maximises ``Σ_{s_i > 0} a'_i``, a linear program; taking
the solution's signs and repeating never gets worse. Started from every vertex that attains a weight range.

*From above*: on [l_i, u_i], the range of a'_i, the chord of the convex ``(a'_i − a_i)₊`` lies above it, so
``max Σ (u_i − a_i)(a'_i − l_i)/(u_i − l_i)``, one linear program, bounds the distance; and so does one minus the least
sum of min(l_i, a_i).

*Exactly*, for few items: binary z_i choose the positive signs,

    max Σ p_i,   p_i ≤ a'_i − a_i + (a_i − l_i)(1 − z_i),   0 ≤ p_i ≤ (u_i − a_i) z_i.

Of items with equal values the mass is best put on the one with the least observed weight, so that one stands for all.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from attnprobe.base.errors import SolverError
from attnprobe.erasure.arrays import check_kind
from attnprobe.identifiability.alternatives import Alternatives
from attnprobe.identifiability.linear_programs import Numbers

EXACT_ITEMS = 24
"""Up to this many different items the mixed-integer program is solved: seconds at worst."""

_STARTS = 16
"""Vertices, the farthest first, from which signs are improved."""


class Farthest(NamedTuple):
    """The total-variation distance of the farthest alternative lies in [lower, upper].

    Attributes:
        lower: the distance of ``weights``, which is attained.
        upper: a bound that no alternative exceeds.
        weights: the certificate, in the shape of the observed weights.
        exact: whether the mixed-integer program was solved to the end; the two bounds then agree to 1e-6.
    """

    lower: float
    upper: float
    weights: Numbers
    exact: bool


def farthest_alternative(alternatives: Alternatives, exact_items: int = EXACT_ITEMS) -> Farthest:
    """The alternative that is farthest from the observed weights in total variation, or bounds on its distance.

    Distances of several heads add up.

    Args:
        alternatives: of any kind without further variables.
        exact_items: the mixed-integer program is solved up to this many items that differ and can move.

    Raises:
        ValueError: alternatives with further variables (``same_normed_output``).
        SolverError: a program failed.
    """
    check_kind("alternatives", alternatives, Alternatives)
    space = alternatives.space
    if len(space.start) > space.groups:
        raise ValueError("the farthest alternative is defined for weights without a scale and a shift of their own")
    vertices = alternatives.extremes.vertices
    distances = np.array([_distance(vertex, alternatives) for vertex in vertices])
    order = np.argsort(-distances, kind="stable")
    best = vertices[order[0]]
    for index in order[:_STARTS]:
        farther = improved(vertices[index], alternatives)
        best = max(best, farther, key=lambda weights: _distance(weights, alternatives))
    upper = _chord_bound(alternatives)
    lower = _distance(best, alternatives)
    movable = int((_group_ranges(alternatives)[1] > _group_ranges(alternatives)[0]).sum())
    exact = upper - lower <= 1e-9
    if not exact and movable <= exact_items:
        signs, proven = _by_integer_program(alternatives)
        best = max(best, improved(signs, alternatives), key=lambda weights: _distance(weights, alternatives))
        lower, upper = _distance(best, alternatives), min(upper, proven)
        exact = upper - lower <= 1e-6
    return Farthest(lower, max(upper, lower), best, exact)


def _distance(weights: Numbers, alternatives: Alternatives) -> float:
    return float(np.abs(weights - alternatives.observed).sum() / 2)


def improved(weights: Numbers, alternatives: Alternatives) -> Numbers:
    """An alternative at least as far away as the given one: the mass on items that gained, as large as it can be.

    Args:
        weights: an alternative, in the shape of the observed weights.
        alternatives: of any kind, also with further variables.

    Raises:
        SolverError: a program failed.
    """
    best = _distance(weights, alternatives)
    while True:
        gained = (weights > alternatives.observed).astype(np.float64)
        found = alternatives.maximise(gained).weights
        distance = _distance(found, alternatives)
        if distance <= best + 1e-12:
            return weights
        weights, best = found, distance


def _references(alternatives: Alternatives) -> tuple[np.ndarray, Numbers]:
    """Of each group the member with the least observed weight, and that weight."""
    space, flat = alternatives.space, alternatives.observed.reshape(-1)
    order = np.lexsort((flat, space.group))
    first = order[np.r_[True, np.diff(space.group[order]) > 0]]
    return first, flat[first]


def _group_ranges(alternatives: Alternatives) -> tuple[Numbers, Numbers]:
    """Least and greatest mass of each group: a lone item's own range, else what the vertices' group sums bound."""
    space = alternatives.space
    first, _ = _references(alternatives)
    low, high, _ = alternatives.extremes
    lone = np.bincount(space.group) == 1
    # The greatest weight of any member is the greatest mass of its group; the least mass needs a program.
    least = np.where(lone, low.reshape(-1)[first], 0.0)
    for group in np.flatnonzero(~lone):
        least[group] = max(0.0, alternatives.minimise((space.group == group).astype(np.float64)).value)
    return least, high.reshape(-1)[first]


def _chord_bound(alternatives: Alternatives) -> float:
    space = alternatives.space
    _, reference = _references(alternatives)
    low, high = _group_ranges(alternatives)
    span = high - low
    flat = span <= 0
    at_low, at_high = (low - reference).clip(min=0.0), (high - reference).clip(min=0.0)
    slope = np.where(flat, 0.0, (at_high - at_low) / np.where(flat, 1.0, span))
    constant = float((at_low - slope * low).sum())
    return max(0.0, alternatives.maximise(slope[space.group]).bound + constant)


def _by_integer_program(alternatives: Alternatives) -> tuple[Numbers, float]:
    """Weights that are farthest, to the solver's tolerance, and the solver's bound on the distance."""
    space = alternatives.space
    first, reference = _references(alternatives)
    low, high = _group_ranges(alternatives)
    k = space.groups
    eye, none = np.eye(k), np.zeros((k, k))
    constraints = [
        LinearConstraint(np.hstack([space.canonical, np.zeros((len(space.level), 2 * k))]), space.level, space.level),
        LinearConstraint(np.hstack([-eye, eye, np.diag(reference - low)]), -np.inf, -low),
        LinearConstraint(np.hstack([none, eye, -np.diag((high - reference).clip(min=0.0))]), -np.inf, 0.0),
    ]
    if len(space.at_most):
        matrix = np.hstack([space.inequalities, np.zeros((len(space.at_most), 2 * k))])
        constraints.append(LinearConstraint(matrix, -np.inf, space.at_most))
    result = milp(
        np.r_[np.zeros(k), -np.ones(k), np.zeros(k)],
        integrality=np.r_[np.zeros(2 * k), np.ones(k)],
        bounds=Bounds(np.zeros(3 * k), np.r_[high.clip(min=low), np.ones(2 * k)]),
        constraints=constraints,
        options={"mip_rel_gap": 1e-9},
    )
    if result.status != 0 or result.x is None:
        raise SolverError(f"the mixed-integer program of {k} items was not solved: {result.message}")
    weights = np.zeros(len(space.group))
    weights[first] = result.x[:k].clip(min=0.0)
    return weights.reshape(alternatives.observed.shape), float(-result.mip_dual_bound)
