"""One document looked at closely: its items, and the decision without i* and without the smallest set that flips it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from attnprobe.analysis.bootstrap import Numbers
from attnprobe.analysis.erased_orders import Positions

Flags = npt.NDArray[np.bool_]


class Decision(NamedTuple):
    """A class and its probability."""

    label: int
    probability: float


class OneDocument(NamedTuple):
    """A document and what erasing does to it.

    Attributes:
        texts: words or sentences, in order.
        weights: attention (items,).
        top_item: position of i*.
        smallest: True where an item is in the smallest set whose erasure flips the decision (items,).
        unerased, without_top, without_smallest: decisions.
    """

    texts: list[str]
    weights: Numbers
    top_item: int
    smallest: Flags
    unerased: Decision
    without_top: Decision
    without_smallest: Decision


def one_document(items: pd.DataFrame, smallest: Positions) -> OneDocument | None:
    """A document from its rows of the table of items; None where nothing is left without i* or the set.

    The contributions are kept in single precision: a decision that hangs on less than their rounding may differ here.

    Args:
        items: its rows.
        smallest: positions of the smallest set whose erasure flips the decision, as it was found.
    """
    items = items.sort_values("position")
    contributions = _contributions(items)
    weights = items["weight"].to_numpy(dtype=np.float64)
    texts = [str(token) for token in items["token"]]
    top = int(weights.argmax())
    places = np.arange(len(weights))
    erased = (np.zeros(len(weights), bool), places == top, np.isin(places, smallest))
    if any(weights[~each].sum() <= 0 for each in erased):
        return None
    return OneDocument(texts, weights, top, erased[2], *(_decision(contributions, weights, each) for each in erased))


def _contributions(items: pd.DataFrame) -> Numbers:
    names = [str(name) for name in items if str(name).startswith("contribution_")]
    ordered = sorted(names, key=lambda name: int(name.removeprefix("contribution_")))
    columns: npt.NDArray[Any] = items[ordered].to_numpy(dtype=np.float64)
    return columns


def _decision(contributions: Numbers, weights: Numbers, erased: Flags) -> Decision:
    logits = contributions[~erased].sum(axis=0) / weights[~erased].sum()
    p = np.exp(logits - logits.max())
    p /= p.sum()
    return Decision(int(p.argmax()), float(p.max()))
