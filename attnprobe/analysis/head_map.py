"""Which attention heads, erased one at a time, are a faithful ordering of the items, and which are not.

A head's own weights order the items; the smallest tried number of items whose erasure in this head alone flips the
decision is held against that of a random order of the same items. A single head seldom decides: most documents never
flip, and they are censored, not missing. Means are restricted, never counting as everything (``restricted_means``),
and the shares that never flip, or only without the whole head, stand beside them.

Every head sees the same documents, and a resample takes a document with all its heads. P-values are Holm's over the
heads.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd

from attnprobe.analysis.bootstrap import Estimate, Numbers, means
from attnprobe.analysis.intervals import binary_shares
from attnprobe.analysis.results import RunResults
from attnprobe.analysis.significance import FLIPS, PermutationTest, holm, sign_flip_tests
from attnprobe.analysis.thresholds import NEGLIGIBLE_GAIN, SIGNIFICANT
from attnprobe.base.errors import InputError

STACKS = ("self", "encoder", "decoder", "cross")
"""In order of display; any other comes after these."""

FAITHFUL, NOT_FAITHFUL, UNDECIDED = "faithful", "not faithful", "undecided"

FLIPS_A_HEAD = 200
"""Assignments drawn for each head: after Holm's correction over all heads p can then be .005."""

Head = tuple[str, int, int]
"""Stack, layer, head."""


class HeadStatistics(NamedTuple):
    """One attention head, erased alone, over the sampled documents with n > 1.

    Attributes:
        stack: ``self``, ``encoder``, ``decoder`` or ``cross``.
        layer, head: numbers, from 0.
        documents: how many.
        fraction_attention, fraction_random: restricted mean fraction erased at the first flip, in the head's own order
            and in one random order; never counts as 1.
        gain: their difference in the same documents, random − attention: above 0 the head's order flips earlier.
        gain_p: of the sign-flip test that the gain is zero, adjusted after Holm over all heads.
        negligible_p: the same of a gain of ``NEGLIGIBLE_GAIN``.
        emptied_attention, emptied_random: share that flips only when every item is erased, and the head says nothing.
        never_attention, never_random: share that does not flip even then.
        delta_js: mean of JS after erasing the head's most attended item less JS after erasing another, in nats.
        delta_js_p: of the sign-flip test that it is zero, adjusted alike.
        flip_top: share whose decision flips without the head's most attended item.
        attention_entropy: mean normalised entropy of the head's weights.
        verdict: ``faithful`` where the gain is significantly above 0; ``not faithful`` where it is significantly below
            ``NEGLIGIBLE_GAIN``; else ``undecided``.
    """

    stack: str
    layer: int
    head: int
    documents: int
    fraction_attention: Estimate
    fraction_random: Estimate
    gain: Estimate
    gain_p: float
    negligible_p: float
    emptied_attention: Estimate
    emptied_random: Estimate
    never_attention: Estimate
    never_random: Estimate
    delta_js: Estimate
    delta_js_p: float
    flip_top: Estimate
    attention_entropy: Estimate
    verdict: str


def head_map(results: RunResults) -> list[HeadStatistics] | None:
    """Statistics by stack, layer and head; None where the run has no table of heads.

    Raises:
        InputError: the table cannot be read, lacks a column, or has other documents of some heads than of others.
    """
    table = results.heads()
    if table is None:
        return None
    columns = numbers_by_head(table[table["n"] > 1], f"{results.folder / 'heads.parquet'}", _columns)
    estimates = {field: means(by_head) for field, by_head in columns.items()}
    outcomes = [f"{outcome}_{order}" for outcome in ("emptied", "never") for order in ("attention", "random")]
    estimates |= {field: binary_shares(columns[field]) for field in (*outcomes, "flip_top")}
    flips = max(FLIPS, FLIPS_A_HEAD * len(columns["gain"]))
    gains = sign_flip_tests(columns["gain"], flips)
    shortfalls = sign_flip_tests({head: gain - NEGLIGIBLE_GAIN for head, gain in columns["gain"].items()}, flips)
    divergences = sign_flip_tests(columns["delta_js"], flips)
    gain_p, negligible_p, delta_js_p = (
        holm({head: test.p for head, test in tests.items()}) for tests in (gains, shortfalls, divergences)
    )
    return [
        HeadStatistics(
            stack=head[0],
            layer=head[1],
            head=head[2],
            documents=len(columns["gain"][head]),
            gain_p=gain_p[head],
            negligible_p=negligible_p[head],
            delta_js_p=delta_js_p[head],
            verdict=_verdict(gains[head], gain_p[head], shortfalls[head], negligible_p[head]),
            **{field: by_head[head] for field, by_head in estimates.items()},
        )
        for head in columns["gain"]
    ]


def _verdict(gain: PermutationTest, gain_p: float, shortfall: PermutationTest, negligible_p: float) -> str:
    if gain.mean > 0 and gain_p < SIGNIFICANT:
        return FAITHFUL
    return NOT_FAITHFUL if shortfall.mean < 0 and negligible_p < SIGNIFICANT else UNDECIDED


def numbers_by_head(
    table: pd.DataFrame, path: str, columns: Callable[[pd.DataFrame], dict[str, Numbers]]
) -> dict[str, dict[Head, Numbers]]:
    """What statistics of heads are made of, by name and head: (documents,) each, documents in the same order.

    Args:
        table: one row a document × head.
        path: where from, for messages.
        columns: makes of the table what the statistics are made of (rows,), by name.

    Raises:
        InputError: the table has other documents of some heads than of others.
    """
    stacks = pd.Categorical(table["stack"].astype(str))
    names = sorted(stacks.categories, key=lambda name: (STACKS.index(name) if name in STACKS else len(STACKS), name))
    table = table.assign(stack=stacks.reorder_categories(names, ordered=True))
    table = table.sort_values(["stack", "layer", "head", "document"], ignore_index=True)
    documents = np.unique(table["document"].to_numpy())
    rows = table.groupby(["stack", "layer", "head"], observed=True).size()
    if (rows != len(documents)).any() or (table["document"] != np.tile(documents, len(rows))).any():
        raise InputError(f"{path} has other documents of some heads than of others.")
    heads = [(str(stack), int(layer), int(head)) for stack, layer, head in rows.index]
    return {
        name: dict(zip(heads, column.reshape(len(heads), len(documents)), strict=True))
        for name, column in columns(table).items()
    }


def _columns(table: pd.DataFrame) -> dict[str, Numbers]:
    """By name, in the order of the rows."""
    n, attention, random, entropy, top, other, flip = (
        table[name].to_numpy(dtype=np.float64, na_value=math.nan)
        for name in (
            *("n", "removed_attention", "removed_random"),
            *("attention_entropy_normalised", "js_top", "js_other", "flip_top"),
        )
    )
    restricted = {
        "fraction_attention": np.where(attention < 0, 1.0, attention / n),
        "fraction_random": np.where(random < 0, 1.0, random / n),
    }
    return restricted | {
        "gain": restricted["fraction_random"] - restricted["fraction_attention"],
        "emptied_attention": (attention == n).astype(np.float64),
        "emptied_random": (random == n).astype(np.float64),
        "never_attention": (attention < 0).astype(np.float64),
        "never_random": (random < 0).astype(np.float64),
        "delta_js": top - other,
        "flip_top": flip,
        "attention_entropy": entropy,
    }
