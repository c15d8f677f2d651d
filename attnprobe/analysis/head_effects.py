"""What each attention head does to the decision, erased by itself: whole, in its most attended item, in another one.

Nothing here is about the order that a head's weights give: that is told of the map of orders alone
(:mod:`attnprobe.analysis.head_map`). Every head sees the same documents, and a resample takes a document with all its
heads. P-values are Holm's over the heads.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from attnprobe.analysis.bootstrap import Estimate, means
from attnprobe.analysis.head_map import FLIPS_A_HEAD, numbers_by_head
from attnprobe.analysis.intervals import binary_shares
from attnprobe.analysis.results import RunResults
from attnprobe.analysis.significance import FLIPS, holm, sign_flip_tests


class HeadEffects(NamedTuple):
    """One attention head, erased alone, over the sampled documents with n > 1.

    Attributes:
        stack: ``self``, ``encoder``, ``decoder`` or ``cross``.
        layer, head: numbers, from 0.
        documents: how many.
        js_whole: mean of JS after erasing the whole head, in nats.
        flip_whole: share whose decision flips without the whole head.
        js_top, js_other: the same after erasing the head's most attended item alone, and one other drawn at random.
        flip_top, flip_other: shares that flip then.
        delta_js: mean of ``js_top`` less ``js_other`` in the same documents.
        delta_js_p: of the sign-flip test that it is zero, adjusted after Holm over all heads.
        attention_entropy: mean normalised entropy of the head's weights.
    """

    stack: str
    layer: int
    head: int
    documents: int
    js_whole: Estimate
    flip_whole: Estimate
    js_top: Estimate
    js_other: Estimate
    flip_top: Estimate
    flip_other: Estimate
    delta_js: Estimate
    delta_js_p: float
    attention_entropy: Estimate


_COLUMNS = {
    "attention_entropy": "attention_entropy_normalised",
    **{name: name for name in ("js_whole", "flip_whole", "js_top", "flip_top", "js_other", "flip_other")},
}
_SHARES = ("flip_whole", "flip_top", "flip_other")


def head_effects(results: RunResults) -> list[HeadEffects] | None:
    """Statistics by stack, layer and head; None where the run has no table of heads' effects.

    Raises:
        InputError: the table cannot be read, lacks a column, or has other documents of some heads than of others.
    """
    table = results.head_effects()
    if table is None:
        return None
    columns = numbers_by_head(
        table[table["n"] > 1],
        f"{results.folder / 'head_effects.parquet'}",
        lambda rows: {
            field: rows[name].to_numpy(dtype=np.float64, na_value=math.nan) for field, name in _COLUMNS.items()
        },
    )
    columns["delta_js"] = {head: top - columns["js_other"][head] for head, top in columns["js_top"].items()}
    estimates = {field: means(by_head) for field, by_head in columns.items() if field not in _SHARES}
    estimates |= {field: binary_shares(columns[field]) for field in _SHARES}
    tests = sign_flip_tests(columns["delta_js"], max(FLIPS, FLIPS_A_HEAD * len(columns["delta_js"])))
    p = holm({head: test.p for head, test in tests.items()})
    return [
        HeadEffects(
            stack=head[0],
            layer=head[1],
            head=head[2],
            documents=len(columns["js_whole"][head]),
            delta_js_p=p[head],
            **{field: by_head[head] for field, by_head in estimates.items()},
        )
        for head in columns["js_whole"]
    ]
