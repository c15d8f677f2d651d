"""Of a decision for several labels at once: how often, and how early, each label by itself flips."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from attnprobe.analysis.bootstrap import Estimate, means
from attnprobe.analysis.results import RunResults
from attnprobe.erasure.curve_names import OF_LABEL


class LabelFlips(NamedTuple):
    """Of one label and ordering, over documents; draws are averaged.

    Attributes:
        label: its name.
        ordering: by which items are erased.
        flipped_share: in which share of the documents it flips while something is left.
        restricted_mean: the mean share of the items erased by then; where it does not flip, all.
    """

    label: str
    ordering: str
    flipped_share: Estimate
    restricted_mean: Estimate


def label_flips(results: RunResults) -> list[LabelFlips] | None:
    """Every label under every ordering; None where one thing is decided."""
    if not results.decided_labels:
        return None
    sizes = results.several["n"].to_numpy()[:, None]
    columns = {}
    for number, label in enumerate(results.decided_labels):
        for name in results.first_flips:
            removed = results.of_erasures(name, f"{OF_LABEL}{number}")
            flipped = removed > 0
            columns[label, name, "flipped_share"] = flipped.astype(np.float64)
            columns[label, name, "restricted_mean"] = np.where(flipped, removed / sizes, 1.0)
    found = means(columns)
    return [
        LabelFlips(label, name, found[label, name, "flipped_share"], found[label, name, "restricted_mean"])
        for label in results.decided_labels
        for name in results.first_flips
    ]
