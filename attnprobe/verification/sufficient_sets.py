"""Whether kept items guarantee a decision, by what the model says of the worst that can be left beside them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from attnprobe.verification.reference import Reference

MARGIN = 1e-5
"""By what share of what has to be reached sums may differ in the run's precision."""


def guarantees(reference: Reference, kept: Iterable[int]) -> bool | None:
    """Whether the decision stands whatever subset of the others is erased; None where that is a matter of rounding."""
    outcomes = [reference.flips(erased) for erased in reference.worst_erasures(sorted(set(kept)))]
    return False if True in outcomes else None if None in outcomes else True


def necessary_items(reference: Reference) -> tuple[int, int]:
    """How many items every set that guarantees the decision has, at least and at most but for rounding.

    Those without which all the others together do not: their worst outcome is that all that speak against it are left.
    """
    if guarantees(reference, []):
        return 0, 0
    leads = reference.leads()
    whole, gains = leads.sum(1, keepdims=True), leads.clip(min=0)
    short = (gains - whole) / np.abs(leads).sum(1, keepdims=True).clip(min=np.finfo(float).tiny)
    weighs = reference.weights.numpy() > 0
    alone = weighs.sum() == 1
    fewest, largest = (int(((short > slack).any(0) | (weighs & alone)).sum()) for slack in (MARGIN, -MARGIN))
    return fewest, largest


def fewest_items(reference: Reference) -> tuple[int, int]:
    """The number of items of the smallest set that guarantees the decision, at least and at most but for rounding."""
    leads = reference.leads()
    if guarantees(reference, []):
        return 0, 0
    gains, needs = leads.clip(min=0), (-leads).clip(min=0).sum(1)
    scale = np.maximum(needs, np.finfo(float).tiny)
    ends = []
    for slack in (-MARGIN, MARGIN):
        rows = np.vstack([np.minimum(gains, 2 * scale[:, None]) / scale[:, None], leads.any(0)])
        least = np.append(np.full(len(needs), 1 + slack), 1.0)
        least[:-1][needs == 0] = 0.0 if slack < 0 else np.minimum(1.0, rows[:-1].sum(1))[needs == 0]
        solved = milp(
            np.ones(leads.shape[1]),
            integrality=np.ones(leads.shape[1]),
            bounds=Bounds(0, 1),
            constraints=LinearConstraint(rows, np.minimum(least, rows.sum(1)), np.inf),
        )
        ends.append(leads.shape[1] if solved.x is None else int(np.ceil(solved.mip_dual_bound - 1e-6)))
    return ends[0], ends[1]
