"""The orders in which a document's items were erased, as the table of items holds them; they are never made again.

What nearly makes an order again does not: gradient × attention is ranked head by head, and the table has the means of
weights and gradients alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from attnprobe.analysis.bootstrap import Numbers
from attnprobe.base.errors import InputError

RANK = "rank_"
"""What the names of these columns begin with; of random it is the first draw's."""

TIED = 1e-6
"""Numbers that differ by this share of the largest are equal: what the table holds was rounded."""

Positions = npt.NDArray[np.int64]


def ranked_orderings(columns: Iterable[str]) -> list[str]:
    """The orderings of which a table of items with these columns has the order."""
    return [name.removeprefix(RANK) for name in columns if name.startswith(RANK)]


def erased_order(items: pd.DataFrame, ordering: str, path: Path) -> Positions | None:
    """Positions in the order in which an ordering erased them, as far as it goes; None where the table does not say.

    Args:
        items: of one document, in order of position.
        ordering: its name.
        path: of the table, for the error.

    Raises:
        InputError: the places are not 0, 1, … up to some item, each once.
    """
    column = f"{RANK}{ordering}"
    if column not in items:
        return None
    places = items[column].to_numpy(dtype=np.float64, na_value=np.nan)
    ranked = np.flatnonzero(~np.isnan(places))
    order: Positions = ranked[np.argsort(places[ranked], kind="stable")]
    if not np.array_equal(places[order], np.arange(len(order))):
        number = items["document"].iloc[0]
        raise InputError(f"{path}, document {number}: {column} does not hold the places 0, 1, … each once.")
    return order


def follows(order: Positions, numbers: Numbers) -> bool:
    """Whether an order goes from the largest of these numbers (items,) down, but for rounding: it may be theirs."""
    ordered = numbers[order]
    slack = TIED * float(np.abs(numbers).max(initial=0.0))
    return bool((np.diff(ordered) <= slack).all())
