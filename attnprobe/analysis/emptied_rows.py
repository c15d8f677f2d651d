"""Rows of attention that have lost every weight by the first flip: they are zero then, and cannot be renormalised.

A flip with such a row is not the work of the remaining weights alone, as erasing is meant to be: how often that
happens stands beside the first flips of a transformer, in which a causal row, or a short one, is soon empty.
"""

from __future__ import annotations

import numpy as np

from attnprobe.analysis.bootstrap import Estimate, pooled
from attnprobe.analysis.first_flips import with_controls
from attnprobe.analysis.intervals import average_shares, binary_shares
from attnprobe.analysis.results import RunResults

COLUMN = "emptied_rows"


def emptied_rows(results: RunResults) -> dict[str, Estimate]:
    """By ordering, the share of first flips with an empty row at least, draws pooled; empty without such counts.

    Shares have Wilson's intervals where there is no chance in the ordering, else the bootstrap's.
    """
    if COLUMN not in results.erasures or results.erasures[COLUMN].isna().all():
        return {}
    counts = {name: results.at_first_flip(name, COLUMN) for name in with_controls(results)}
    emptied = {name: np.where(np.isnan(count), np.nan, count > 0) for name, count in counts.items()}
    certain = {name: column[:, 0] for name, column in emptied.items() if column.shape[1] == 1}
    return average_shares({name: pooled(column) for name, column in emptied.items()}) | binary_shares(certain)
