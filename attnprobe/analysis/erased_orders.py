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
from attnprobe.erasure.registered_orderings import RANK

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
    return order_of_places(places, ordering, path, int(items["document"].iloc[0]))


def order_of_places(places: Numbers, ordering: str, path: Path, document: int) -> Positions:
    """The same of the places (items,), NaN where an item has none.

    Args:
        places: of one document's items, in order of position.
        ordering: its name, for the error.
        path: of the table, for the error.
        document: its number, for the error.

    Raises:
        InputError: the places are not 0, 1, … up to some item, each once.
    """
    ranked = np.flatnonzero(~np.isnan(places))
    order: Positions = ranked[np.argsort(places[ranked], kind="stable")]
    if not np.array_equal(places[order], np.arange(len(order))):
        raise InputError(f"{path}, document {document}: {RANK}{ordering} does not hold the places 0, 1, … each once.")
    return order


def follows(order: Positions, numbers: Numbers) -> bool:
    """Whether an order goes from the largest of these numbers (items,) down, but for rounding: it may be theirs."""
    ordered = numbers[order]
    slack = TIED * float(np.abs(numbers).max(initial=0.0))
    return bool((np.diff(ordered) <= slack).all())
