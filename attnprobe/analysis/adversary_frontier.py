"""How far attention can be moved, over documents: the frontier along ε, and permutations."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from attnprobe.analysis.bootstrap import Estimate, Numbers, means
from attnprobe.analysis.intervals import binary_shares

CLOSED = 1e-8
"""An answer whose bound is no farther above what is attained is exact but for rounding."""

_FAR = 1.96
"""Standard deviations that one in twenty of normally distributed numbers is beyond."""


class AtEpsilon(NamedTuple):
    """Over documents, where predictions may move by ``epsilon``.

    Attributes:
        epsilon: by how much.
        js, js_bound: mean Jensen-Shannon divergence that is attained, and what is certain to bound it, nats.
        tv, tv_bound: mean total variation, likewise.
        exact: in how many documents the divergence is exact but for rounding.
        one_item: share of documents in which the farthest row attends to one item alone.
    """

    epsilon: float
    js: Estimate
    js_bound: Estimate
    tv: Estimate
    tv_bound: Estimate
    exact: int
    one_item: Estimate


class Searched(NamedTuple):
    """A gradient search beside the exact adversary, in the same documents.

    Attributes:
        epsilon: by how much predictions may move.
        reached: mean divergence that the search reaches.
        attained: that of the exact adversary, or what is attained.
        ratio: median of the one by the other, of documents in which there is any.
    """

    epsilon: float
    reached: Estimate
    attained: Estimate
    ratio: float


class Frontier(NamedTuple):
    """What came of moving the attention of one run.

    Attributes:
        documents: how many.
        at: by epsilon.
        searched: None where nothing was searched.
        far_from_permuted: share of documents whose prediction is beyond 1.96 standard deviations of those of all
            permutations of its attention.
        same_output: whether attention was only moved where the pooled vector stays the very same.
    """

    documents: int
    at: list[AtEpsilon]
    searched: Searched | None
    far_from_permuted: Estimate
    same_output: bool = False


def frontier_of(rows: pd.DataFrame, documents: pd.DataFrame, *, same_output: bool = False) -> Frontier:
    """Means over documents with intervals.

    Args:
        rows: one a document and epsilon, as ``stages.adversary.Moved`` has them.
        documents: one a document.
        same_output: see :class:`Frontier`.
    """
    at = []
    for epsilon, of_epsilon in rows.groupby("epsilon"):
        columns: dict[str, Numbers] = {
            name: of_epsilon[name].to_numpy(dtype=np.float64) for name in ("js", "js_bound", "tv", "tv_bound")
        }
        of = means(columns)
        alone = np.asarray(of_epsilon["items"] == 1, dtype=np.float64)
        exact = int((columns["js_bound"] - columns["js"] <= CLOSED).sum())
        at.append(
            AtEpsilon(
                float(str(epsilon)),
                of["js"],
                of["js_bound"],
                of["tv"],
                of["tv_bound"],
                exact,
                binary_shares({"alone": alone})["alone"],
            )
        )
    scores = documents["permutation_z"].to_numpy(dtype=np.float64)
    far = np.where(np.isnan(scores), np.nan, np.abs(scores) > _FAR)
    return Frontier(len(documents), at, _searched(rows), binary_shares({"far": far})["far"], same_output)


def _searched(rows: pd.DataFrame) -> Searched | None:
    of_search = rows[rows["search"].notna()]
    if of_search.empty:
        return None
    estimates = means({name: of_search[name].to_numpy(dtype=np.float64) for name in ("search", "js")})
    moved = of_search[of_search["js"] > 0]
    ratio = float((moved["search"] / moved["js"]).median()) if len(moved) else float("nan")
    return Searched(float(of_search["epsilon"].iloc[0]), estimates["search"], estimates["js"], ratio)
