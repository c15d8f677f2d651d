"""Erasing one item alone where it has all the weight: nothing is left, and the bias decides. That is no flip.

``flip_top`` and ``flip_other`` of documents.parquet say whether the decision changes, however it does. Whether nothing
is left is in erasures.parquet: the item with all the weight is the first of attention's own order, which is then
emptied after one item.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

TOP, OTHER, TOP_ITEM = "flip_top", "flip_other", "top_item"


def while_something_is_left(documents: pd.DataFrame, emptied: npt.NDArray[np.floating]) -> pd.DataFrame:
    """The table of documents with flips of single erasures while something is left.

    Args:
        documents: with more than one item each.
        emptied: 1 where erasing i* alone changes the decision and leaves nothing, else 0, by the rows of ``documents``;
            where several vectors stand in for what is erased, the share of these with which it does.
    """
    if not emptied.any():
        return documents
    changed = {}
    for name in map(str, documents):
        if not name.startswith(TOP):
            continue
        suffix = name.removeprefix(TOP)
        is_first = documents[f"{TOP_ITEM}{suffix}"] == documents[TOP_ITEM]
        nothing = documents[name].dtype.type(0)
        changed[name] = documents[name].mask((emptied > 0) & is_first, nothing)
        other = f"{OTHER}{suffix}"
        if other in documents:  # the item with all the weight is one of the n − 1 others
            less = np.where(is_first, 0.0, emptied / (documents["n"] - 1))
            changed[other] = (documents[other] - less).clip(lower=0.0)
    return documents.assign(**changed)
