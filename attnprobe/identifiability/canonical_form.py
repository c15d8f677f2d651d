"""The constraints that alternatives satisfy, brought to a form with as few variables as the null space has dimensions.

Weights a', one distribution per head, together with further variables where "the same output" needs them, satisfy
``E x = E x°`` and ``G x ≤ h``, x° being what was observed. Items with equal columns of E and G (repeated tokens) become
one variable, their total mass. E is brought to orthonormal rows; then its best-conditioned columns B, by pivoted QR,
are solved for:

    x_B = E_B⁻¹E x° − F x_N,   F = E_B⁻¹E_N,       so that  a' ≥ 0  reads  F x_N ≤ E_B⁻¹E x°,  x_N ≥ 0,

and every point of the program over x_N meets the equalities to rounding.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.linalg

from attnprobe.identifiability.linear_programs import Numbers


class Space(NamedTuple):
    """The constraints in canonical form.

    Attributes:
        group: which variable each weight belongs to (weights,).
        groups: how many variables are weights; further ones come after them.
        start: observed variables x° (variables,).
        free: which variables may be negative.
        ceiling: what a variable cannot exceed because the heads sum to one; ∞ for further variables.
        equalities: E with orthonormal rows (r, variables); the last rows are ``sums``.
        sums: one row a head, of norm one: its weights sum to one.
        basic: the r columns B that are solved for.
        canonical: E_B⁻¹ E (r, variables).
        level: E_B⁻¹ E x° (r,).
        inequalities: G (p, variables).
        at_most: h (p,).
    """

    group: np.ndarray
    groups: int
    start: Numbers
    free: np.ndarray
    ceiling: Numbers
    equalities: Numbers
    sums: Numbers
    basic: np.ndarray
    canonical: Numbers
    level: Numbers
    inequalities: Numbers
    at_most: Numbers


def canonical_form(
    observed: Numbers,
    group: np.ndarray,
    equalities: Numbers,
    threshold: float,
    *,
    inequalities: Numbers | None = None,
    at_most: Numbers | None = None,
    further: Numbers | None = None,
    free: np.ndarray | None = None,
) -> Space:
    """Reduce constraints to canonical form.

    Args:
        observed: (items,) or (heads, items), distributions.
        group: which variable each weight belongs to (heads · items,); weights of one group have equal columns.
        equalities: rows over groups and further variables, orthogonal to the sums of the heads.
        threshold: singular values of ``equalities`` below it are rounding.
        inequalities: G, over the same columns.
        at_most: h.
        further: observed values of the further variables.
        free: which of those may be negative.
    """
    groups = int(group.max()) + 1
    further = np.zeros(0) if further is None else further
    start = np.concatenate([np.bincount(group, observed.reshape(-1), groups), further])
    width = len(start)
    sums = _sums(group, observed.shape[-1], groups, width)
    rows = np.vstack([_row_space(equalities, threshold), sums])
    basic = _best_columns(rows, groups)
    canonical: Numbers = np.asarray(np.linalg.solve(rows[:, basic], rows), dtype=np.float64)
    return Space(
        group=group,
        groups=groups,
        start=start,
        free=np.concatenate(
            [np.zeros(groups, dtype=bool), np.zeros(len(further), dtype=bool) if free is None else free]
        ),
        ceiling=np.where(np.arange(width) < groups, 1.0, np.inf),
        equalities=rows,
        sums=sums,
        basic=basic,
        canonical=canonical,
        level=canonical @ start,
        inequalities=np.zeros((0, width)) if inequalities is None else inequalities,
        at_most=np.zeros(0) if at_most is None else at_most,
    )


def _sums(group: np.ndarray, items: int, groups: int, width: int) -> Numbers:
    head = np.empty(groups, dtype=np.int64)
    head[group] = np.arange(len(group)) // items
    rows = np.zeros((len(group) // items, width))
    rows[head, np.arange(groups)] = 1.0
    return np.asarray(rows / np.sqrt(rows.sum(1, keepdims=True)))


def _row_space(rows: Numbers, threshold: float) -> Numbers:
    """Orthonormal rows that span the rows given, those below the threshold left out."""
    if not rows.size:
        return rows.reshape(0, rows.shape[1])
    _, sigma, right = np.linalg.svd(rows, full_matrices=False)
    return np.asarray(right[sigma > threshold])


def _best_columns(rows: Numbers, weights: int) -> np.ndarray:
    """Columns of full rank, well conditioned, in which variables that are no weights come first."""
    preferred = np.where(np.arange(rows.shape[1]) < weights, 1.0, 1e6)
    pivots = scipy.linalg.qr(rows * preferred, mode="r", pivoting=True)[1]
    return np.asarray(pivots[: len(rows)])
