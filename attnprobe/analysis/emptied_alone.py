"""Erasing one item alone where it has all the weight: nothing is left, and the bias decides. That is no flip.

``flip_top`` and ``flip_other`` of documents.parquet say whether the decision changes, however it does. Whether nothing
is left is in erasures.parquet: the item with all the weight is the first of attention's own order, which is then
emptied after one item.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

TOP, OTHER, TOP_ITEM = "flip_top", "flip_other", "top_item"


def while_something_is_left(documents: pd.DataFrame, emptied: pd.Series[bool]) -> pd.DataFrame:
    """The table of documents with flips of single erasures while something is left.

    Args:
        documents: with more than one item each.
        emptied: True where erasing i* alone changes the decision and leaves nothing, by the rows of ``documents``.
    """
    if not emptied.any():
        return documents
    changed = {}
    for name in map(str, documents):
        if not name.startswith(TOP):
            continue
        suffix = name.removeprefix(TOP)
        is_first = documents[f"{TOP_ITEM}{suffix}"] == documents[TOP_ITEM]
        changed[name] = documents[name].mask(emptied & is_first, False)
        other = f"{OTHER}{suffix}"
        if other in documents:  # the item with all the weight is one of the n − 1 others
            less = np.where(emptied & ~is_first, 1 / (documents["n"] - 1), 0.0)
            changed[other] = (documents[other] - less).clip(lower=0.0)
    return documents.assign(**changed)
