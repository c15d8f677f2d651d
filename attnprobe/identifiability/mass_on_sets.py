"""How much attention a set of items can receive while the output stays the same: two linear programs.

The greatest mass on k items of one's choice is a maximum over sets and no linear program; a set's own range bounds it
from below, and the sum of the k largest ``high`` of ``weight_range`` from above.
"""

from __future__ import annotations

from typing import NamedTuple

from attnprobe.erasure.arrays import Mask, numpy_or_torch
from attnprobe.identifiability.alternatives import Alternatives
from attnprobe.identifiability.linear_programs import Numbers


class MassRange(NamedTuple):
    """Least and greatest mass on a set, and the alternatives that attain them, in the shape of the observed weights."""

    low: float
    high: float
    lowest: Numbers
    highest: Numbers


@numpy_or_torch
def mass_range(alternatives: Alternatives, chosen: Mask) -> MassRange:
    """The least and the greatest total weight of a set of items over all alternatives.

    Args:
        alternatives: of one row.
        chosen: True where an item is in the set, in the shape of the observed weights.

    Raises:
        ValueError: ``chosen`` has another shape.
        SolverError: a linear program failed.
    """
    shape = None if chosen is None else tuple(chosen.shape)
    if shape != alternatives.observed.shape:
        raise ValueError(f"chosen has shape {shape}, but {alternatives.observed.shape} is needed")
    objective = chosen.double().cpu().numpy()
    lowest, highest = alternatives.minimise(objective), alternatives.maximise(objective)
    return MassRange(lowest.value, highest.value, lowest.weights, highest.weights)
