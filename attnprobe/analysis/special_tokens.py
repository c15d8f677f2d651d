"""How much of the attention special tokens hold, and whether the first item is an attention sink."""

from __future__ import annotations

from typing import Any

import numpy as np

from attnprobe.analysis.bootstrap import Numbers, means
from attnprobe.analysis.results import RunResults
from attnprobe.runs.tables import columns_of_table

SINK_WEIGHT, SINK_FLIPS = 0.3, 0.05
"""The first item is a sink where it holds this share of the attention or more on average, and flips, erased alone, no
more than this share of the decisions."""

LEFT_OUT = "left_out_share"
"""Of documents.parquet: the share of the attention on tokens that are in no item."""


def special_tokens(results: RunResults) -> dict[str, Any] | None:
    """``share`` of the attention that special tokens hold, and the first item as a ``sink`` where it is one.

    None of runs whose items say nothing of what is between them: those of models that are no checkpoints.

    Raises:
        InputError: a table cannot be read.
    """
    path = results.folder / "items.parquet"
    if "before" not in columns_of_table(path) or not results.selection:
        return None
    items = results.items(["document", "position", "before", "weight"], results.several["document"])
    weights = items["weight"].to_numpy(np.float64)
    of_document = items["document"].to_numpy()
    rows = np.searchsorted(results.with_items_kept, of_document)
    documents = len(results.with_items_kept)
    held: Numbers = np.bincount(rows, weights * items["before"].isna().to_numpy(), minlength=documents).astype(float)
    kept = np.isin(results.with_items_kept, of_document)
    at_first = items["position"].to_numpy() == 0
    first: Numbers = np.bincount(rows, weights * at_first, minlength=documents).astype(float)
    share = held[kept]
    if LEFT_OUT in results.several:
        several = results.several[results.several["document"].isin(results.with_items_kept[kept])]
        outside = several[LEFT_OUT].to_numpy(np.float64)
        share = outside + (1 - outside) * share
    found: dict[str, Any] = {"items": results.has_special_items, "share": means({"share": share})["share"]}
    return found | _sink(results, first[kept])


def _sink(results: RunResults, weight: Numbers) -> dict[str, Any]:
    """The first item where it is one: its share of the items' attention, and of the decisions that it flips alone."""
    several = results.several
    flips = np.where(several["top_item"] == 0, several["flip_top"].to_numpy(np.float64), np.nan)
    found = {"weight": means({"": weight})[""], "flips": means({"": flips})[""]}
    is_sink = found["weight"].value >= SINK_WEIGHT and found["flips"].value <= SINK_FLIPS
    return {"sink": found} if is_sink else {}
