"""Erasing one item alone: i*, the first of an ordering, against r, any other item (Serrano & Smith 2019, §4.1).

The average over r is exact, over every other item of a document.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from attnprobe.analysis.bootstrap import Estimate, Numbers, means, pooled
from attnprobe.analysis.columns import columns_of
from attnprobe.analysis.intervals import average_shares, binary_shares
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
    """The decision-flip table of every ordering that the documents have columns for, with intervals.

    Whether i* flips is yes or no, so that ``top`` has Wilson's interval; the others, averages over r, the bootstrap's.
    """
    names = orderings_with_flips(results)
    columns: dict[tuple[str, str], Numbers] = {}
    for suffix, name in names.items():
        needed = [f"{column}{suffix}" for column in ("flip_top", "flip_other", "delta_js_negative", "delta_js_zero")]
        columns |= {(name, field): column for field, column in cells(*columns_of(results, needed).values()).items()}
    averaged = average_shares({key: pooled(column) for key, column in columns.items()})
    estimates = averaged | binary_shares({(name, "top"): columns[name, "top"] for name in names.values()})
    return {name: SingleFlips(*(estimates[name, field] for field in SingleFlips._fields)) for name in names.values()}


def orderings_with_flips(results: RunResults) -> dict[str, str]:
    """The orderings that the documents have columns of single erasures for: ending of the columns → name."""
    starts = [str(name) for name in results.several if str(name).startswith("flip_top")]
    suffixes = [name.removeprefix("flip_top") for name in starts]
    return {suffix: suffix.removeprefix("_") or ATTENTION for suffix in suffixes}


def cells(top: Numbers, other: Numbers, negative: Numbers, zero: Numbers) -> dict[str, Numbers]:
    """Columns (documents,) of ``SingleFlips`` by field.

    Whether i* flips is certain in a document, so that the joint shares are products.
    """
    joint = (top * other, top * (1 - other), (1 - top) * other, (1 - top) * (1 - other))
    return dict(zip(SingleFlips._fields, (top, other, *joint, negative, zero), strict=True))


def attention_entropy(results: RunResults) -> Estimate:
    """Mean entropy of the attention weights by that of n equal weights: 1 where attention singles out nothing."""
    column = results.several["attention_entropy_normalised"].to_numpy(dtype=np.float64)
    return means({"entropy": column})["entropy"]
