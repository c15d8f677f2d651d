"""Whether erasing i* alone does more than erasing r alone: tests where r is averaged exactly, after comparing.

With the one r that the released code draws, ``released_draw`` has McNemar's test instead.
"""

from __future__ import annotations

from typing import NamedTuple

from attnprobe.analysis.bootstrap import Estimate, Numbers, means
from attnprobe.analysis.columns import columns_of
from attnprobe.analysis.effect_sizes import rank_biserial
from attnprobe.analysis.results import RunResults
from attnprobe.analysis.significance import PermutationTest, sign_flip_tests
from attnprobe.analysis.single_weights import orderings_with_flips


class SingleWeightTest(NamedTuple):
    """Of one ordering's i*, over the documents with n > 1.

    Attributes:
        flip_lead: share in which i* flips minus that in which r does.
        flip_test: sign-flip test of each document's.
        flip_rank_biserial: its effect size.
        js_lead: share of pairs with ΔJS > 0 minus that with ΔJS < 0.
        js_test, js_rank_biserial: as of the flips.
    """

    flip_lead: Estimate
    flip_test: PermutationTest
    flip_rank_biserial: float
    js_lead: Estimate
    js_test: PermutationTest
    js_rank_biserial: float


def single_weight_tests(results: RunResults) -> dict[str, SingleWeightTest]:
    """By every ordering that the documents have columns for.

    Raises:
        InputError: the table of documents lacks a column.
    """
    columns: dict[tuple[str, str], Numbers] = {}
    names = orderings_with_flips(results)
    for suffix, name in names.items():
        needed = [f"{column}{suffix}" for column in ("flip_top", "flip_other", "delta_js_negative", "delta_js_zero")]
        top, other, negative, zero = columns_of(results, needed).values()
        columns |= {(name, "flip"): top - other, (name, "js"): 1 - zero - 2 * negative}
    estimates, tests = means(columns), sign_flip_tests(columns)
    return {
        name: SingleWeightTest(
            flip_lead=estimates[name, "flip"],
            flip_test=tests[name, "flip"],
            flip_rank_biserial=rank_biserial(columns[name, "flip"]),
            js_lead=estimates[name, "js"],
            js_test=tests[name, "js"],
            js_rank_biserial=rank_biserial(columns[name, "js"]),
        )
        for name in names.values()
    }
