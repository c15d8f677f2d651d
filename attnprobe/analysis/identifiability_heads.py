"""How unique the attention weights of each head are, and of documents of each length.

Nullity is of many documents; how far weights move, of the sampled ones. Shares and means are over documents, with the
bootstrap's intervals; of several heads a document counts with their mean.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from attnprobe.analysis.bootstrap import Estimate, Numbers, means
from attnprobe.analysis.identifiability_results import KEYS, IdentifiabilityResults, numbers
from attnprobe.analysis.intervals import binary_shares

FIRST_EDGE = 8
"""Lengths are grouped by doubling: 2 to 7 items, 8 to 15, 16 to 31 and so on, up to the longest."""


class HeadIdentifiability(NamedTuple):
    """One head, over documents with more than one item.

    Attributes:
        stack, layer, head: which.
        documents, sampled: of how many documents the nullity was computed, and on how many programs were run.
        d_v, d_k: widths of values and keys; d_k is None where scores are no products of queries and keys.
        items, rank, nullity: means.
        practical_rank: mean rank without singular values below 1 % of the largest.
        non_unique: share of documents whose weights are not unique given the head's output.
        keys_allow: share in which d_k > d_k*: by count, keys and queries can realise alternatives nearby.
        mean_width: mean width of the range of a weight.
        top_weight, top_low, top_high: the largest weight and its range.
        top_can_change: share in which another item can have the largest weight.
        kendall_tau_low, kendall_tau_found: bounds on how low Kendall's τ of the ranking can be; the second is attained.
        farthest_low, farthest_high: bounds on how far away in total variation alternatives are; the first is attained.
        entropy_gap: greatest entropy of an alternative less the observed one, in nats.
    """

    stack: str
    layer: int
    head: int
    documents: int
    sampled: int
    d_v: int
    d_k: int | None
    items: Estimate
    rank: Estimate
    nullity: Estimate
    practical_rank: Estimate
    non_unique: Estimate
    keys_allow: Estimate
    mean_width: Estimate
    top_weight: Estimate
    top_low: Estimate
    top_high: Estimate
    top_can_change: Estimate
    kendall_tau_low: Estimate
    kendall_tau_found: Estimate
    farthest_low: Estimate
    farthest_high: Estimate
    entropy_gap: Estimate


class LengthBin(NamedTuple):
    """Documents of ``low`` to ``high`` items.

    Attributes:
        low, high: least and greatest number of items.
        documents: how many.
        rank, nullity: means over documents and heads.
        non_unique: share of documents × heads whose weights are not unique.
    """

    low: int
    high: int
    documents: int
    rank: Estimate
    nullity: Estimate
    non_unique: Estimate


_MEANS = ("mean_width", "top_weight", "top_low", "top_high", "kendall_tau_low", "kendall_tau_found")
_DISTANCES = ("farthest_low", "farthest_high")


def head_identifiability(results: IdentifiabilityResults) -> list[HeadIdentifiability]:
    """Statistics by stack, layer and head."""
    found = []
    sampled = _by_head(results.sampled)
    for (stack, layer, head), table in _by_head(results.heads).items():
        some = sampled.get((stack, layer, head), results.heads[:0])
        of_all = means({name: numbers(table, column) for name, column in _OF_ALL.items()})
        of_some = means(
            {name: numbers(some, name) for name in (*_MEANS, *_DISTANCES)}
            | {"entropy_gap": numbers(some, "greatest_entropy") - numbers(some, "entropy")}
        )
        shares = binary_shares(
            {
                "non_unique": _non_unique(table),
                "keys_allow": _keys_allow(table),
                "top_can_change": numbers(some, "top_can_change"),
            }
        )
        width = numbers(table, "d_k")[0]
        found.append(
            HeadIdentifiability(
                stack=str(stack),
                layer=int(layer),
                head=int(head),
                documents=len(table),
                sampled=len(some),
                d_v=int(table["d_v"].iloc[0]),
                d_k=None if np.isnan(width) else int(width),
                **of_all,
                **of_some,
                **shares,
            )
        )
    return found


def _by_head(table: pd.DataFrame) -> dict[Any, pd.DataFrame]:
    """Rows by (stack, layer, head)."""
    return dict(tuple(table.groupby(list(KEYS))))


_OF_ALL = {"items": "n", "rank": "rank", "nullity": "nullity", "practical_rank": "practical_rank_1e2"}


def by_length(results: IdentifiabilityResults) -> list[LengthBin]:
    """Statistics of documents of similar length, all heads together; lengths double from bin to bin."""
    table = results.heads
    longest = int(table["n"].max()) if len(table) else 0
    bins = []
    low, high = 2, FIRST_EDGE - 1
    while low <= longest:
        inside = table[(table["n"] >= low) & (table["n"] <= high)]
        if len(inside):
            columns = {name: by_document(inside, numbers(inside, name)) for name in ("rank", "nullity")}
            shares = document_means({"non_unique": by_document(inside, _non_unique(inside))})
            bins.append(LengthBin(low, min(high, longest), len(columns["rank"]), **means(columns), **shares))
        low, high = high + 1, 2 * high + 1
    return bins


def document_means(columns: dict[str, Numbers]) -> dict[str, Estimate]:
    """Means over documents; where all are 0 or 1, and NaN, the interval is Wilson's."""
    binary = {name for name, column in columns.items() if bool(np.isin(column[~np.isnan(column)], (0, 1)).all())}
    return means({name: column for name, column in columns.items() if name not in binary}) | binary_shares(
        {name: column for name, column in columns.items() if name in binary}
    )


def by_document(table: pd.DataFrame, column: Numbers) -> Numbers:
    """Means over the heads of each document (documents,); NaN are left out."""
    return np.asarray(pd.Series(column).groupby(table["document"].to_numpy()).mean().to_numpy())


def _non_unique(table: pd.DataFrame) -> Numbers:
    return (numbers(table, "nullity") > 0).astype(np.float64)


def _keys_allow(table: pd.DataFrame) -> Numbers:
    widths = numbers(table, "d_k")
    return np.where(np.isnan(widths), np.nan, widths > numbers(table, "dk_star"))
