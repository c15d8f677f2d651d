"""Which of two orderings flips a document's decision with fewer erasures (Serrano & Smith 2019, §5)."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from attnprobe.analysis.bootstrap import Estimate, Numbers, Ratio, ratios
from attnprobe.analysis.intervals import binary_shares
from attnprobe.analysis.results import ATTENTION, FirstFlips, RunResults


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
    names = sorted(results.first_flips, key=lambda name: name != ATTENTION)
    return compare(results.first_flips, list(itertools.combinations(names, 2)))


def compare(flips: Mapping[str, FirstFlips], pairs: Sequence[tuple[str, str]]) -> list[Comparison]:
    """Any two orderings, by name, on the same documents.

    Shares of two orderings without chance in them are of a plain yes or no, and have Wilson's intervals; the leads, and
    all with a random ordering, have the bootstrap's.
    """
    shares = {pair: shares_of_documents(*(flips[name].removed for name in pair)) for pair in pairs}
    columns: dict[tuple[str, str, str], Ratio] = {}
    certain: dict[tuple[str, str, str], Numbers] = {}
    for (first, second), of_documents in shares.items():
        is_certain = flips[first].removed.shape[1] == flips[second].removed.shape[1] == 1
        either = 1 - of_documents["neither"]
        for field, numerator in of_documents.items():
            among = np.ones_like(either) if field == "neither" else either
            if is_certain and field != "lead":
                certain[first, second, field] = numerator[among == 1]
            else:
                columns[first, second, field] = numerator, among
    estimates = ratios(columns) | binary_shares(certain)
    return [Comparison(*pair, *(estimates[*pair, field] for field in Comparison._fields[2:])) for pair in pairs]


def shares_of_documents(first: Numbers, second: Numbers) -> dict[str, Numbers]:
    """Shares (documents,) of the pairs of draws of which each of ``Comparison``'s holds, and their lead.

    Args:
        first: items erased at the first flip (documents, draws), NaN for never.
        second: the same of the other ordering.
    """
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
