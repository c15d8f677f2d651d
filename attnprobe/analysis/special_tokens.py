"""How much of the attention special tokens hold, and whether the first item is an attention sink."""

from __future__ import annotations

from typing import Any

import numpy as np

from attnprobe.analysis.bootstrap import Numbers, means
from attnprobe.analysis.results import RunResults
from attnprobe.runs.sink_records import LEAST_WEIGHT, MOST_FLIPS, OF_SINK
from attnprobe.runs.tables import columns_of_table

LEFT_OUT = "left_out_share"
"""Of documents.parquet: the share of the attention on tokens that are in no item."""


def special_tokens(results: RunResults) -> dict[str, Any] | None:
    """``share`` of the attention that special tokens hold, and the first item as a ``sink`` where it is one.

    Where sinks are no items, ``sinks`` says what was measured of training documents, and ``sink_share`` how much of the
    attention is on the one that is left out; special tokens do not count it.

    None of runs whose items say nothing of what is between them: those of models that are no checkpoints.

    Raises:
        InputError: a table cannot be read.
    """
    path = results.folder / "items.parquet"
    if "before" not in columns_of_table(path) or not results.selection:
        return None
    items = results.items(["document", "position", "before", "weight", "flips"], results.several["document"])
    weights = items["weight"].to_numpy(np.float64)
    of_document = items["document"].to_numpy()
    rows = np.searchsorted(results.with_items_kept, of_document)
    documents = len(results.with_items_kept)
    held: Numbers = np.bincount(rows, weights * items["before"].isna().to_numpy(), minlength=documents).astype(float)
    kept = np.isin(results.with_items_kept, of_document)
    at_first = items["position"].to_numpy() == 0
    of_first: list[Numbers] = [
        np.bincount(rows, numbers * at_first, minlength=documents).astype(float)[kept]
        for numbers in (weights, items["flips"].to_numpy(np.float64))
    ]
    share = held[kept]
    if LEFT_OUT in results.several:
        several = results.several[results.several["document"].isin(results.with_items_kept[kept])]
        outside = several[LEFT_OUT].to_numpy(np.float64)
        of_sink = several[OF_SINK].to_numpy(np.float64) if OF_SINK in several else np.zeros(len(several))
        share = outside - of_sink + (1 - outside) * share
    found: dict[str, Any] = {"items": results.has_special_items, "share": means({"share": share})["share"]}
    measured = results.measured_sink
    if measured is None:
        return found | (_sink(*of_first) if results.meaning.flips else {})
    found |= {"sinks": measured.to_json()}
    return found | ({OF_SINK: means({"": of_sink})[""]} if OF_SINK in results.several else {})


def _sink(weight: Numbers, flips: Numbers) -> dict[str, Any]:
    """The first item where it is one: its share of the items' attention, and of the decisions that it flips alone."""
    found = {"weight": means({"": weight})[""], "flips": means({"": flips})[""]}
    is_sink = found["weight"].value >= LEAST_WEIGHT and found["flips"].value <= MOST_FLIPS
    return {"sink": found} if is_sink else {}
