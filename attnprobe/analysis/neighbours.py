"""Erasing alone two items next to each other in attention: top against second, lowest against second lowest.

The control of Serrano & Smith (2019) to i* against r: a model that heeds its attention tells the top two apart more
than the lowest two. A document with two items has the same two in both.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from attnprobe.analysis.bootstrap import Estimate, means
from attnprobe.analysis.columns import columns_of
from attnprobe.analysis.delta_js import difference_of_js
from attnprobe.analysis.effect_sizes import discordant_odds, rank_biserial
from attnprobe.analysis.intervals import binary_shares
from attnprobe.analysis.results import RunResults
from attnprobe.analysis.significance import SignTest, mcnemar, sign_test

PAIRS = {"top": ("top", "second"), "lowest": ("lowest", "second_lowest")}
"""Name of each comparison → its first and second item, as the columns of documents.parquet call them."""


class Neighbours(NamedTuple):
    """Two items' single erasures on the same documents; shares have Wilson's intervals, means the bootstrap's.

    Attributes:
        first, second: the items.
        weight_difference: mean attention weight of the first minus that of the second.
        js_difference: mean JS of the first minus that of the second, in nats.
        js_larger, js_equal, js_smaller: shares of documents by the JS of the first, equal up to rounding.
        js_test: the sign test of the released code; its ``first`` counts the documents with a smaller JS of the first.
        js_rank_biserial: effect size of the JS differences.
        both, only_first, only_second, neither: which flips the decision; they sum to one.
        flip_test: McNemar's.
        flip_odds: documents flipped by the first alone by those flipped by the second alone.
    """

    first: str
    second: str
    weight_difference: Estimate
    js_difference: Estimate
    js_larger: Estimate
    js_equal: Estimate
    js_smaller: Estimate
    js_test: SignTest
    js_rank_biserial: float
    both: Estimate
    only_first: Estimate
    only_second: Estimate
    neither: Estimate
    flip_test: SignTest
    flip_odds: Estimate


def neighbours(results: RunResults) -> dict[str, Neighbours]:
    """``top`` against second and ``lowest`` against second lowest, over the documents with more than one item.

    Raises:
        InputError: the table of documents lacks a column.
    """
    return {name: _compare(results, *pair) for name, pair in PAIRS.items()}


def _compare(results: RunResults, first: str, second: str) -> Neighbours:
    weight_first = "top_weight" if first == "top" else f"weight_{first}"
    names = [weight_first, f"weight_{second}", f"js_{first}", f"js_{second}", f"flip_{first}", f"flip_{second}"]
    weight, other_weight, js, other_js, flip, other_flip = columns_of(results, names).values()
    difference = difference_of_js(js, other_js)
    averages = means({"weight": weight - other_weight, "js": js - other_js})
    shares = {
        "js_larger": difference > 0,
        "js_equal": difference == 0,
        "js_smaller": difference < 0,
        "both": (flip == 1) & (other_flip == 1),
        "only_first": (flip == 1) & (other_flip == 0),
        "only_second": (flip == 0) & (other_flip == 1),
        "neither": (flip == 0) & (other_flip == 0),
    }
    test = mcnemar(flip, other_flip)
    return Neighbours(
        first=first,
        second=second,
        weight_difference=averages["weight"],
        js_difference=averages["js"],
        js_test=sign_test(difference, np.zeros_like(difference)),
        js_rank_biserial=rank_biserial(difference),
        flip_test=test,
        flip_odds=discordant_odds(test.first, test.second),
        **binary_shares({name: which.astype(np.float64) for name, which in shares.items()}),
    )
