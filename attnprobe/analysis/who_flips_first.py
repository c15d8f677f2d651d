"""Which of two orderings flips a document's decision with fewer erasures (Serrano & Smith 2019, §5)."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np

from attnprobe.analysis.bootstrap import Estimate, Numbers, means, ratios
from attnprobe.analysis.results import ATTENTION, RunResults


class Comparison(NamedTuple):
    """Two orderings on the same documents; never counts as later than any number of erasures.

    Attributes:
        first, second: the orderings.
        first_earlier, equal, second_earlier: shares of the documents that flip under either.
        lead: ``first_earlier`` − ``second_earlier``.
        neither: share of all documents that flip under neither, which the other shares leave out.
    """

    first: str
    second: str
    first_earlier: Estimate
    equal: Estimate
    second_earlier: Estimate
    lead: Estimate
    neither: Estimate


def who_flips_first(results: RunResults) -> list[Comparison]:
    """Every two orderings compared; those with attention come first, and have it as their first.

    Against a random ordering a document's result is the average over its draws.
    """
    removed = {name: flip.removed for name, flip in results.first_flips.items()}
    names = sorted(removed, key=lambda name: name != ATTENTION)
    pairs = list(itertools.combinations(names, 2))
    shares = {pair: _shares(removed[pair[0]], removed[pair[1]]) for pair in pairs}
    columns = {
        (*pair, field): (numerator, 1 - of_documents["neither"])
        for pair, of_documents in shares.items()
        for field, numerator in of_documents.items()
        if field != "neither"
    }
    estimates = ratios(columns)
    neither = means({pair: of_documents["neither"] for pair, of_documents in shares.items()})
    return [
        Comparison(
            first,
            second,
            first_earlier=estimates[first, second, "first_earlier"],
            equal=estimates[first, second, "equal"],
            second_earlier=estimates[first, second, "second_earlier"],
            lead=estimates[first, second, "lead"],
            neither=neither[first, second],
        )
        for first, second in pairs
    ]


def _shares(first: Numbers, second: Numbers) -> dict[str, Numbers]:
    """Shares (documents,) of the pairs of draws of which each holds; arguments (documents, draws), NaN for never."""
    one = np.where(np.isnan(first), np.inf, first)[:, :, None]
    other = np.where(np.isnan(second), np.inf, second)[:, None, :]
    tied = one == other
    which = {
        "first_earlier": one < other,
        "equal": tied & np.isfinite(one),
        "second_earlier": one > other,
        "neither": tied & np.isinf(one),
    }
    shares = {name: held.mean(axis=(1, 2)) for name, held in which.items()}
    return shares | {"lead": shares["first_earlier"] - shares["second_earlier"]}
