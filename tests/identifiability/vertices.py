"""Slow and obvious: every vertex of a small polytope, by solving for every set of columns."""

import itertools

import numpy as np


def vertices(weights, values, rows=None, at_most=None):
    """All vertices (k, items) of {a' ≥ 0, a'[T, 1] = a[T, 1], rows a' ≤ at_most}; values may have no columns."""
    items = len(weights)
    equalities = np.vstack([values.T, np.ones(items)])
    target = equalities @ weights
    if rows is not None:
        equalities = np.block([[equalities, np.zeros((len(equalities), len(rows)))], [rows, np.eye(len(rows))]])
        target = np.concatenate([target, at_most])
    return _corners(equalities, target)[:, :items]


def _corners(matrix, target):
    rank = np.linalg.matrix_rank(matrix)
    found = []
    for chosen in itertools.combinations(range(matrix.shape[1]), rank):
        part = matrix[:, chosen]
        if np.linalg.matrix_rank(part) < rank:
            continue
        solution = np.linalg.lstsq(part, target, rcond=None)[0]
        if solution.min() > -1e-9 and np.abs(part @ solution - target).max() < 1e-9:
            corner = np.zeros(matrix.shape[1])
            corner[list(chosen)] = solution.clip(min=0)
            found.append(corner)
    return np.array(found)
