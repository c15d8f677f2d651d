"""One document looked at closely: its items, and the decision without i* and without the smallest set that flips it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from attnprobe.analysis.bootstrap import Numbers

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


def one_document(items: pd.DataFrame) -> OneDocument | None:
    """A document from its rows of the table of items; None where no set flips it unless all its weight goes.

    The contributions are kept in single precision: a decision that hangs on less than their rounding may differ here.
    """
    items = items.sort_values("position")
    contributions = _contributions(items)
    weights = items["weight"].to_numpy(dtype=np.float64)
    texts = [str(token) for token in items["token"]]
    top = int(weights.argmax())
    smallest = smallest_set(contributions)
    erased = (np.zeros(len(weights), bool), np.arange(len(weights)) == top, smallest)
    if smallest is None or any(weights[~each].sum() <= 0 for each in erased if each is not None):
        return None
    decisions = (_decision(contributions, weights, each) for each in erased if each is not None)
    return OneDocument(texts, weights, top, smallest, *decisions)


def smallest_set(contributions: Numbers) -> Flags | None:
    """The smallest set of items whose erasure flips the decision, of those that leave an item; None without one.

    Another class beats the decision exactly when the margins of what remains sum to more than zero, so that for each
    class those with the smallest margins go first; see ``docs/method.md``.

    Args:
        contributions: each item's weight times the logits that it would give alone (items, classes).
    """
    decision = int(contributions.sum(axis=0).argmax())
    best: Flags | None = None
    for other in range(contributions.shape[1]):
        if other == decision:
            continue
        margins = contributions[:, other] - contributions[:, decision]
        order = np.argsort(margins, kind="stable")
        remaining = np.cumsum(margins[order][::-1])[::-1]
        flips = np.flatnonzero(remaining >= 0 if other < decision else remaining > 0)
        if len(flips) and (best is None or flips[0] < best.sum()):
            best = np.zeros(len(margins), bool)
            best[order[: flips[0]]] = True
    return best


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
