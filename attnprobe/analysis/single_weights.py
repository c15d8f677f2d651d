"""Erasing one item alone: i*, the first of an ordering, against r, any other item (Serrano & Smith 2019, §4.1).

The average over r is exact, over every other item of a document.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from attnprobe.analysis.bootstrap import Estimate, Numbers, means
from attnprobe.analysis.results import ATTENTION, RunResults


class SingleFlips(NamedTuple):
    """How often erasing i*, or r, flips the decision: shares of documents, averaged over r (paper, table 2).

    Attributes:
        top: erasing i* flips.
        other: erasing r flips.
        both, only_top, only_other, neither: the four cells; they sum to one.
        negative: ΔJS = JS(i*) − JS(r) < 0: the other item did more.
        zero: ΔJS = 0, up to rounding.
    """

    top: Estimate
    other: Estimate
    both: Estimate
    only_top: Estimate
    only_other: Estimate
    neither: Estimate
    negative: Estimate
    zero: Estimate


def single_flips(results: RunResults) -> dict[str, SingleFlips]:
    """The decision-flip table of every ordering that the documents have columns for, with intervals."""
    documents = results.several
    columns: dict[tuple[str, str], Numbers] = {}
    suffixes = [str(name).removeprefix("flip_top") for name in documents if str(name).startswith("flip_top")]
    names = {suffix: suffix.removeprefix("_") or ATTENTION for suffix in suffixes}
    for suffix, name in names.items():
        top, other, negative, zero = (
            documents[f"{column}{suffix}"].to_numpy(dtype=np.float64)
            for column in ("flip_top", "flip_other", "delta_js_negative", "delta_js_zero")
        )
        # Whether i* flips is certain in a document, so that the joint shares are products.
        cells = (top, other, top * other, top * (1 - other), (1 - top) * other, (1 - top) * (1 - other))
        columns |= {
            (name, field): column for field, column in zip(SingleFlips._fields, (*cells, negative, zero), strict=True)
        }
    estimates = means(columns)
    return {name: SingleFlips(*(estimates[name, field] for field in SingleFlips._fields)) for name in names.values()}


def attention_entropy(results: RunResults) -> Estimate:
    """Mean entropy of the attention weights by that of n equal weights: 1 where attention singles out nothing."""
    column = results.several["attention_entropy_normalised"].to_numpy(dtype=np.float64)
    return means({"entropy": column})["entropy"]
