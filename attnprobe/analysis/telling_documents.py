"""Documents that show by themselves that the largest weight need not decide: what figure 1 is drawn from."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from attnprobe.analysis.erased_orders import erased_order
from attnprobe.analysis.one_document import OneDocument, one_document
from attnprobe.analysis.results import RunResults
from attnprobe.erasure.registered_orderings import RANK
from attnprobe.runs.tables import columns_of_table

FEWEST_ITEMS = 4

MOST_CHARACTERS = 650
"""What a column of a paper holds legibly."""

TABLE = "items.parquet"

READ = 40
"""Candidates of a run whose text is looked at."""


class TellingDocument(NamedTuple):
    """A document, where it stands in its split, and how large its smallest flipping set is."""

    number: int
    size: int
    document: OneDocument


def telling_document(results: RunResults) -> TellingDocument | None:
    """The document in which the largest weight decides least; None where there is none.

    Without smallest sets among the results there is none either, nor where it was not kept which items are in them.

    It must have four items or more and at most 650 characters, its decision must be right, erasing i* alone must leave
    it, and a smallest set must flip it while something is left. Of those, the ones with the fewest items in that set;
    of those, the one with the largest weight; of those, the first.
    """
    if not knows_items_of_smallest_sets(results):
        return None
    candidates = _candidates(results)
    if candidates.empty:
        return None
    fitting = candidates[candidates["document"].map(_characters(results)) <= MOST_CHARACTERS].head(READ)
    items = results.items(_columns(results), fitting["document"])
    for row in fitting.to_dict("records"):
        of_document = items[items["document"] == row["document"]].sort_values("position")
        smallest = erased_order(of_document, str(results.smallest_sets), results.folder / TABLE)
        document = None if smallest is None else one_document(of_document, smallest)
        if document is not None and _agrees(document, row):
            return TellingDocument(int(row["document"]), int(row["removed"]), document)
    return None


def knows_items_of_smallest_sets(results: RunResults) -> bool:
    """Whether the run says which items are in the smallest sets; older ones say only how many."""
    return results.knows_smallest_sets and f"{RANK}{results.smallest_sets}" in columns_of_table(results.folder / TABLE)


def _candidates(results: RunResults) -> pd.DataFrame:
    documents = results.several[["document", "n", "label", "decision", "top_item", "top_weight", "flip_top"]]
    documents = documents.assign(removed=results.first_flips[str(results.smallest_sets)].removed[:, 0])
    right = documents["label"] == documents["decision"]
    flipped = documents["removed"].notna()  # while something is left
    kept = documents[right & flipped & ~documents["flip_top"].astype(bool) & (documents["n"] >= FEWEST_ITEMS)]
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
    return ["document", "position", "token", "weight", f"{RANK}{results.smallest_sets}", *contributions]


def _agrees(document: OneDocument, row: Mapping[Hashable, Any]) -> bool:
    """Whether what single precision says of the document is what the run says."""
    expected = (row["decision"], row["decision"], row["top_item"], row["removed"])
    found = (document.unerased.label, document.without_top.label, document.top_item, document.smallest.sum())
    return expected == found and document.without_smallest.label != document.unerased.label
