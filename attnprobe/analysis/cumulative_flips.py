"""How many documents have flipped once given fractions of their items are erased, by ordering."""

from __future__ import annotations

import numpy as np

from attnprobe.analysis.bootstrap import Numbers
from attnprobe.analysis.results import RunResults


def cumulative_flips(results: RunResults, fractions: Numbers) -> dict[str, Numbers]:
    """Share of the documents flipped by each of ``fractions``, by ordering: ``first_flips.flip_curves`` on any grid.

    Documents that never flip are in the denominator; the draws of a random ordering are averaged.
    """
    curves = {}
    for name, flip in results.first_flips.items():
        flipped = np.sort(flip.fraction[~np.isnan(flip.fraction)])
        # A fraction k/n must not miss its own place on the grid by rounding.
        curves[name] = np.searchsorted(flipped, fractions + 1e-12, side="right") / flip.fraction.size
    return curves
