"""Documents that show by themselves that the largest weight need not decide: what figure 1 is drawn from."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from attnprobe.analysis.one_document import OneDocument, one_document
from attnprobe.analysis.results import ORACLE, RunResults

FEWEST_ITEMS = 4

MOST_CHARACTERS = 650
"""What a column of a paper holds legibly."""

READ = 40
"""Candidates of a run whose text is looked at."""


class TellingDocument(NamedTuple):
    """A document, where it stands in its split, and how large its smallest flipping set is."""

    number: int
    size: int
    document: OneDocument


def telling_document(results: RunResults) -> TellingDocument | None:
    """The document in which the largest weight decides least; None where there is none.

    Without smallest sets among the results there is none either.

    It must have four items or more and at most 650 characters, its decision must be right, erasing i* alone must leave
    it, and a smallest set must flip it without taking all. Of those, the ones with the fewest items in that set; of
    those, the one with the largest weight; of those, the first.
    """
    candidates = _candidates(results)
    if candidates.empty:
        return None
    fitting = candidates[candidates["document"].map(_characters(results)) <= MOST_CHARACTERS].head(READ)
    items = results.items(_columns(results), fitting["document"])
    for row in fitting.to_dict("records"):
        document = one_document(items[items["document"] == row["document"]])
        if document is not None and _agrees(document, row):
            return TellingDocument(int(row["document"]), int(row["removed"]), document)
    return None


def _candidates(results: RunResults) -> pd.DataFrame:
    documents = results.several[["document", "n", "label", "decision", "top_item", "top_weight", "flip_top"]]
    smallest = results.erasures[results.erasures["ordering"] == ORACLE][["document", "removed"]]
    joined = documents.merge(smallest, on="document")
    right = joined["label"] == joined["decision"]
    flipped = (joined["removed"] > 0) & (joined["removed"] < joined["n"])
    kept = joined[right & flipped & ~joined["flip_top"].astype(bool) & (joined["n"] >= FEWEST_ITEMS)]
    return kept.sort_values(["removed", "top_weight", "document"], ascending=[True, False, True])


def _characters(results: RunResults) -> pd.Series[int]:
    """Length of each document whose items were kept, by its number; a part of the items is held at a time."""
    sums = [
        pd.Series(_lengths(part["token"])).groupby(part["document"].to_numpy()).sum()
        for part in results.item_parts(["document", "token"])
    ]
    by_document: pd.Series[int] = pd.concat([pd.Series(dtype=np.int64), *sums]).groupby(level=0).sum()
    return by_document


def _lengths(tokens: pa.Array) -> npt.NDArray[np.int64]:
    lengths: npt.NDArray[np.int64] = pc.utf8_length(tokens.cast(pa.large_string())).to_numpy(zero_copy_only=False)
    return lengths


def _columns(results: RunResults) -> list[str]:
    contributions = [f"contribution_{label}" for label in range(len(results.labels))]
    return ["document", "position", "token", "weight", *contributions]


def _agrees(document: OneDocument, row: Mapping[Hashable, Any]) -> bool:
    """Whether what single precision says of the document is what the run says."""
    expected = (row["decision"], row["decision"], row["top_item"], row["removed"])
    found = (document.unerased.label, document.without_top.label, document.top_item, document.smallest.sum())
    return expected == found and document.without_smallest.label != document.unerased.label
