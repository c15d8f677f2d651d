"""Mean erasure at the first flip with those that do not flip counted in: they are censored, not missing.

A document that has not flipped while something is left is known to need "all or more": it counts as 1. The mean of
min(fraction, 1) is the restricted mean of survival analysis (Royston & Parmar 2013), and it is the area above the flip
curve. It is defined for every document, so that two orderings are compared on the same ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from attnprobe.analysis.bootstrap import Estimate, Numbers, means
from attnprobe.analysis.first_flips import with_controls
from attnprobe.analysis.results import FirstFlips, RunResults
from attnprobe.erasure.registered_orderings import ATTENTION


class RestrictedMeans(NamedTuple):
    """Of one ordering over all documents with n > 1, random draws averaged; intervals from the bootstrap.

    Attributes:
        fraction: mean fraction of the items erased at the first flip, emptied and never as 1.
        mass: mean attention weight erased at the first flip, emptied and never as 1.
        fraction_difference, mass_difference: minus attention's, paired by document; above 0 attention flips earlier.
    """

    fraction: Estimate
    mass: Estimate
    fraction_difference: Estimate
    mass_difference: Estimate


def restricted_means(results: RunResults) -> dict[str, RestrictedMeans]:
    """By ordering, in order of display, controls last."""
    columns = {name: restricted(flip) for name, flip in with_controls(results).items()}
    attention = columns[ATTENTION]
    estimates = means(
        {(name, field): column for name, fields in columns.items() for field, column in fields.items()}
        | {
            (name, f"{field}_difference"): column - attention[field]
            for name, fields in columns.items()
            for field, column in fields.items()
        }
    )
    return {name: RestrictedMeans(*(estimates[name, field] for field in RestrictedMeans._fields)) for name in columns}


def restricted(flip: FirstFlips) -> Mapping[str, Numbers]:
    """``fraction`` and ``mass`` (documents,), emptied and never as 1, averaged over the draws."""
    none = np.isnan(flip.removed)
    return {
        "fraction": np.where(none, 1.0, flip.fraction).mean(axis=1),
        "mass": np.where(none, 1.0, flip.mass).mean(axis=1),
    }
