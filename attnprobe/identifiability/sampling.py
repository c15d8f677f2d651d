"""Alternatives drawn at random from the polytope: hit-and-run, started inside and scaled to the polytope's shape.

From a point in the polytope take a random direction in which the output does not change, find how far one can go both
ways, and go to a uniform point between. The chain's limit is uniform whatever the directions' (fixed) distribution, but
how fast it gets there is not: from a peaked row with isotropic directions it hardly moves. So chains start at the mean
of the vertices that attain the weight ranges, where every weight that can be positive is, and directions are stretched
by that mean, ``δ = p ∘ g``, with g normal on the null space of E diag(p).

Samples show what alternatives look like; they never show that something cannot be (random elements miss every subset
of lower dimension), and no program here relies on them. Draws within one chain are correlated.
"""

from __future__ import annotations

import numpy as np

from attnprobe.erasure.arrays import whole_number
from attnprobe.identifiability.alternatives import Alternatives
from attnprobe.identifiability.linear_programs import Numbers

_CHAINS = 32
_BURN_IN = 200
_THINNING = 20
_UNUSED = 1e-12


def sample_alternatives(alternatives: Alternatives, count: int, seed: int = 0) -> Numbers:
    """Alternatives from 32 chains of hit-and-run, each sample 20 steps after the last of its chain.

    Args:
        alternatives: without further variables (no ``same_normed_output``).
        count: how many.
        seed: of the random numbers.

    Returns:
        (count, …) in the shape of the observed weights; each is an alternative to 1e-9. Weights of items with equal
        values share their sum as a uniform draw from the simplex.

    Raises:
        ValueError: alternatives with further variables; ``count`` or ``seed`` is no whole number.
        SolverError: the vertices that chains start between could not be found.
    """
    count = whole_number("count", count, 0)
    generator = np.random.default_rng(whole_number("seed", seed, 0))
    space = alternatives.space
    if len(space.start) > space.groups:
        raise ValueError("weights that come with a scale and a shift of their own cannot be sampled")
    vertices = alternatives.extremes.vertices.reshape(-1, len(space.group))
    inside: Numbers = np.bincount(space.group, vertices.mean(0), space.groups).astype(np.float64)
    chains: Numbers = np.repeat(inside[None], _CHAINS, axis=0)
    # Weights that are zero in all alternatives take no part; rounding must not move along them.
    used = inside > _UNUSED
    inner = _null_space(space.equalities[:, used] * inside[used])
    directions = np.zeros((space.groups, inner.shape[1]))
    directions[used] = inner * inside[used, None]
    samples = []
    rounds = -(-count // _CHAINS)
    if directions.shape[1]:
        for _ in range(_BURN_IN):
            chains = _step(chains, directions, space.inequalities, space.at_most, generator)
    for _ in range(rounds):
        for _ in range(_THINNING if directions.shape[1] else 0):
            chains = _step(chains, directions, space.inequalities, space.at_most, generator)
        samples.append(chains)
    drawn = np.concatenate(samples)[:count]
    shares = generator.standard_exponential((count, len(space.group)))
    totals = np.zeros((count, space.groups))
    np.add.at(totals.T, space.group, shares.T)
    weights = drawn[:, space.group] * shares / totals[:, space.group]
    return np.asarray(weights.reshape(count, *alternatives.observed.shape))


def _step(
    points: Numbers, directions: Numbers, rows: Numbers, at_most: Numbers, generator: np.random.Generator
) -> Numbers:
    """One step of every chain (chains, groups)."""
    moves = generator.standard_normal((len(points), directions.shape[1])) @ directions.T
    # How fast each constraint is used up, and how much of it is left.
    speed = np.concatenate([-moves, moves @ rows.T], axis=1)
    left = np.concatenate([points, at_most - points @ rows.T], axis=1).clip(min=0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        reach = left / speed
    forwards = np.where(speed > 0, reach, np.inf).min(1)
    backwards = np.where(speed < 0, reach, -np.inf).max(1)
    span = np.where(np.isfinite(forwards - backwards), forwards - backwards, 0.0)
    along = np.where(np.isfinite(backwards), backwards, 0.0) + span * generator.random(len(points))
    return np.asarray((points + along[:, None] * moves).clip(min=0.0))


def _null_space(rows: Numbers) -> Numbers:
    """Orthonormal columns d with ``rows d = 0``."""
    sigma, right = np.linalg.svd(rows)[1:]
    rank = int((sigma > 1e-12 * sigma.max(initial=0.0)).sum())
    return np.asarray(right[rank:].T)
