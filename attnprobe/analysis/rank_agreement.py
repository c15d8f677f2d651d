"""How alike the orderings of a run are: whether explanations that are judged apart say different things at all."""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import numpy as np

from attnprobe.analysis.bootstrap import Estimate, Numbers, means
from attnprobe.analysis.results import RunResults
from attnprobe.analysis.top_lists import Likeness, likeness
from attnprobe.erasure.registered_orderings import RANK, Role
from attnprobe.runs.tables import DocumentNumbers, columns_of_table

TOP_PERCENT = 10
"""Of the items of a document, rounded up, that are an ordering's first."""

DOCUMENTS, PAIRS = 300, 10_000_000
"""Documents that are looked at at most, and pairs of items of them all: long documents have very many."""


class Agreement(NamedTuple):
    """Two orderings, means over documents; of several draws the first is looked at.

    Attributes:
        first, second: which.
        kendall_tau: Kendall's τ of whole orderings.
        top_overlap: the share of the first tenth of the items that both have in common.
        top_distance: Fagin's K^(1/2) of these first items, 1 where they have none in common.
    """

    first: str
    second: str
    kendall_tau: Estimate
    top_overlap: Estimate
    top_distance: Estimate


def rank_agreement(results: RunResults) -> dict[str, Any] | None:
    """``documents``, ``orderings`` and ``pairs``, a list of ``Agreement``; None where no orders are kept.

    Of a seeded sample of the documents of several items whose items are kept.

    Raises:
        InputError: the table of items cannot be read.
    """
    names = ranked_orderings(results)
    if len(names) < 2:
        return None
    found = likeness_of_documents(results, names, sampled_documents(results))
    columns: dict[tuple[str, str, str], Numbers] = {}
    for (i, first), (j, second) in itertools.combinations(enumerate(names), 2):
        for field in Likeness._fields:
            columns[first, second, field] = np.array([getattr(each, field)[i, j] for each in found])
    estimates = means(columns)
    return {
        "documents": len(found),
        "top_percent": TOP_PERCENT,
        "orderings": names,
        "pairs": [
            Agreement(first, second, *(estimates[first, second, field] for field in Likeness._fields))
            for first, second in itertools.combinations(names, 2)
        ],
    }


def ranked_orderings(results: RunResults) -> list[str]:
    """The orderings whose places are kept, controls last; not references, which end at the flip."""
    present = set(columns_of_table(results.folder / "items.parquet"))
    names = [name for name in (*results.first_flips, *results.of_role(Role.CONTROL)) if f"{RANK}{name}" in present]
    return [name for name in names if name not in results.of_role(Role.REFERENCE)]


def sampled_documents(results: RunResults) -> DocumentNumbers:
    """The numbers, ascending, of the documents that are looked at: drawn by the run's seed, one at least."""
    several = results.several[results.several["document"].isin(results.with_items_kept)]
    drawn = several.iloc[np.random.default_rng(results.seed).permutation(len(several))[:DOCUMENTS]]
    within = (drawn["n"].to_numpy(np.int64) ** 2).cumsum() <= PAIRS
    within[:1] = True
    numbers: DocumentNumbers = np.sort(drawn["document"].to_numpy(np.int64)[within])
    return numbers


def likeness_of_documents(results: RunResults, names: list[str], documents: DocumentNumbers) -> list[Likeness]:
    """How alike these orderings are in each of the documents; NaN where one does not place every item.

    Raises:
        InputError: the table of items cannot be read.
    """
    columns = [f"{RANK}{name}" for name in names]
    items = results.items(["document", "position", *columns], documents)
    places = items[columns].to_numpy(np.float64, na_value=np.nan).T
    ends = np.flatnonzero(np.diff(items["document"].to_numpy(), append=-1)) + 1
    return [_of_document(of_document) for of_document in np.split(places, ends[:-1], axis=1)]


def _of_document(places: Numbers) -> Likeness:
    """Of orderings (orderings, items) some of which may have NaN."""
    whole = ~np.isnan(places).any(axis=1)
    k = -(-places.shape[1] * TOP_PERCENT // 100)
    found = likeness(places[whole].astype(np.int64), k)
    table = np.full((len(found), len(places), len(places)), np.nan)
    table[:, np.outer(whole, whole)] = np.reshape(found, (len(found), -1))
    return Likeness(*table)
