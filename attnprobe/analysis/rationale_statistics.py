"""How well orderings agree with the items that people marked, people with each other, and what becomes without them.

Of the documents of several items in which an annotator marked some, each annotator apart. The fall of the decision's
probability without the marked items is set beside the largest that as many items reach in each document, as a ratio of
means over documents: a mean of ratios would be decided by single documents in which hardly anything falls.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from attnprobe.analysis.bootstrap import Estimate, Numbers, means, ratios
from attnprobe.analysis.results import RunResults
from attnprobe.base.errors import InputError
from attnprobe.erasure.rationale_names import OF_ANNOTATOR, OF_BEST_SET, OF_ORDERING
from attnprobe.erasure.registered_orderings import RANDOM

_AGREEMENT = ("auprc", "token_f1", "iou_f1")
_EQUAL = 1e-9
"""Ends that differ by less differ by rounding: what is between them is exact."""

_NOTHING = Estimate(np.nan, np.nan, np.nan, 0)

Counts = npt.NDArray[np.int64]
Key = tuple[str, str]
"""Of what is held against an annotator's items: its kind and its name."""

_BEST = (OF_BEST_SET, OF_BEST_SET)


class HeldStatistics(NamedTuple):
    """What is held against an annotator's items, over documents; draws are averaged within a document.

    Attributes:
        auprc: area under the precision-recall curve of the ordering; of a set, as of a score that is 1 in it, else 0.
        token_f1: F1 in items, of an ordering's first ones, as many as are marked.
        iou_f1: F1 in spans, runs of neighbouring items, found where they have half of their union in common.
        auprc_above_random: ``auprc`` less that of random orders of the same documents.
        comprehensiveness: the fall of the decision's probability without the items; NaN of other annotators, who marked
            more items or fewer.
        of_best: that as a share of the largest fall that as many items reach, the middle of what is certain; a ratio of
            means over documents. NaN where the largest is not known.
        of_best_least, of_best_most: what it is at least and at most, as far as the largest fall is known.
    """

    auprc: Estimate
    token_f1: Estimate
    iou_f1: Estimate
    auprc_above_random: Estimate
    comprehensiveness: Estimate
    of_best: Estimate
    of_best_least: Estimate
    of_best_most: Estimate


class BestSets(NamedTuple):
    """The largest fall of the decision's probability by as many items as are marked.

    Attributes:
        attained: the mean of what a set attains in each document.
        at_most: of what none passes.
        exact: in how many documents the two are equal but for rounding.
        between: in how many they are not.
        widest: how far they are apart at most.
    """

    attained: Estimate
    at_most: Estimate
    exact: int
    between: int
    widest: float


def rationale_statistics(results: RunResults) -> dict[str, Any] | None:
    """By annotator ``documents``, ``left_out``, ``marked``, ``itself``, ``orderings``, ``annotators`` and ``best``.

    ``marked`` is the share of a document's items that are; ``itself``, of the marked items, and by name ``orderings``
    and the other ``annotators`` are ``HeldStatistics``; ``best`` is ``BestSets``, None where that is not known. Left
    out are documents that the annotator did not look at, or in which no item is marked. None without rationales.

    Raises:
        InputError: the table cannot be read, or does not hold the same rows of each document.
    """
    table = results.rationales()
    if table is None:
        return None
    table = table[table["document"].isin(results.several["document"])]
    names = dict.fromkeys(table["annotator"].astype(str))
    return {name: _of_annotator(name, table[table["annotator"] == name], results) for name in names}


def _of_annotator(annotator: str, table: pd.DataFrame, results: RunResults) -> dict[str, Any]:
    rows, places = _by_document(table, results)
    numbers = table["document"].to_numpy()[rows[:, 0]]
    sizes = results.several["n"].to_numpy()[pd.Index(results.several["document"]).get_indexer(pd.Index(numbers))]

    def values(key: Key, column: str) -> Numbers:
        """A column (documents, draws)."""
        found: Numbers = table[column].to_numpy(np.float64, na_value=np.nan)[rows[:, places[key]]]
        return found

    held = [key for key in places if key != _BEST]
    columns = {(key, column): values(key, column) for key in held for column in (*_AGREEMENT, "comprehensiveness")}
    if (OF_ORDERING, RANDOM) in places:
        by_chance = columns[(OF_ORDERING, RANDOM), "auprc"].mean(axis=1)
        columns |= {(key, "auprc_above_random"): columns[key, "auprc"].mean(axis=1) - by_chance for key in held}
    columns[_BEST, "marked"] = values(held[0], "marked")[:, 0] / sizes
    estimates = means(columns)
    best = None
    if _BEST in places:
        attained, most = (values(_BEST, column)[:, 0] for column in ("comprehensiveness", "at_most"))
        estimates |= _shares({key: columns[key, "comprehensiveness"].mean(axis=1) for key in held}, attained, most)
        best = _best_sets(attained, most)
    of = {
        key: HeldStatistics(*(estimates.get((key, field), _NOTHING) for field in HeldStatistics._fields))
        for key in held
    }
    people = {name: statistics for (kind, name), statistics in of.items() if kind == OF_ANNOTATOR}
    return {
        "documents": len(numbers),
        "left_out": len(results.several) - len(numbers),
        "marked": estimates[_BEST, "marked"],
        "itself": people.pop(annotator),
        "orderings": {name: statistics for (kind, name), statistics in of.items() if kind == OF_ORDERING},
        "annotators": people,
        "best": best,
    }


def _by_document(table: pd.DataFrame, results: RunResults) -> tuple[Counts, dict[Key, list[int]]]:
    """Where each document's rows are (documents, rows), and which of these are of what is held against the items."""
    documents = table["document"].to_numpy()
    first = np.flatnonzero(np.diff(documents, prepend=-1))
    keys = list(zip(*(table[name].astype(str) for name in ("kind", "name")), table["draw"].tolist(), strict=True))
    count = int((documents == documents[:1]).sum())
    rows = first[:, None] + np.arange(count)
    itself = (OF_ANNOTATOR, str(table["annotator"].iloc[0]), 0)
    alike = len(first) * count == len(table) and len(np.unique(documents)) == len(first)
    if not alike or keys != keys[:count] * len(first) or len({itself, *keys[:count]}) != count:
        raise InputError(f"{results.folder / 'rationales.parquet'} does not hold the same rows of each document.")
    places: dict[Key, list[int]] = {}
    for place, (kind, name, _) in enumerate(keys[:count]):
        places.setdefault((kind, name), []).append(place)
    return rows, places


def _shares(falls: dict[Key, Numbers], attained: Numbers, most: Numbers) -> dict[tuple[Key, str], Estimate]:
    """Falls (documents,) as shares of the largest ones, which are between these; NaN where there are none."""
    pairs = {}
    for key, fall in falls.items():
        known = ~np.isnan(fall)
        for field, largest in (("of_best", (attained + most) / 2), ("least", most), ("most", attained)):
            pairs[key, field] = np.where(known, fall, 0.0), np.where(known, largest, 0.0)
    found = ratios(pairs)
    for key in falls:
        ends = found.pop((key, "least")), found.pop((key, "most"))
        # A probability that rises without the items is a share below zero, and then the other end is the least.
        lower, upper = ends if ends[0].value <= ends[1].value else ends[::-1]
        found |= {(key, "of_best_least"): lower, (key, "of_best_most"): upper}
    return found


def _best_sets(attained: Numbers, most: Numbers) -> BestSets:
    apart = most - attained
    estimates = means({"attained": attained, "most": most})
    exact = int((apart <= _EQUAL).sum())
    return BestSets(estimates["attained"], estimates["most"], exact, len(apart) - exact, float(apart.max()))
