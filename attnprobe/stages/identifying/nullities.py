"""The nullity of every head on many documents: whether attention weights are unique, without linear programs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from attnprobe.engines.head_readings import HeadReadings
from attnprobe.identifiability import dk_star, nullity

PRACTICAL = ("practical_rank_1e3", "practical_rank_1e2")
"""Ranks without singular values below 1e-3, and 1e-2, of the largest."""

Columns = dict[str, npt.NDArray[Any]]


def nullity_rows(documents: npt.NDArray[np.integer], readings: Iterable[HeadReadings]) -> list[Columns]:
    """Columns (documents × heads,) for each layer, heads fastest.

    Args:
        documents: rows of the split (documents,).
        readings: what the layers averaged in these documents.
    """
    return [_layer(documents, reading) for reading in readings]


def _layer(documents: npt.NDArray[np.integer], reading: HeadReadings) -> Columns:
    heads = len(reading.heads)
    found = nullity(reading.values.double(), reading.mask)
    items = found.items.flatten().cpu().numpy()
    width = reading.values.shape[-1]
    keys = np.nan if reading.key_width is None else reading.key_width
    practical = found.practical_ranks.flatten(0, 1).cpu().numpy()
    return {
        "document": np.repeat(documents, heads).astype(np.int64),
        "stack": np.full(len(items), reading.stack),
        "layer": np.full(len(items), reading.layer, dtype=np.int16),
        "head": np.tile(np.array(reading.heads, dtype=np.int16), len(documents)),
        "row": np.repeat(reading.row.cpu().numpy().astype(np.int32), heads),
        "n": items.astype(np.int32),
        "d_v": np.full(len(items), width, dtype=np.int32),
        "d_k": np.full(len(items), keys),
        "dk_star": np.array([dk_star(int(n), width) if n and keys == keys else np.nan for n in items]),
        "rank": found.rank.flatten().cpu().numpy().astype(np.int32),
        "nullity": found.nullity.flatten().cpu().numpy().astype(np.int32),
        "distinct": found.distinct.flatten().cpu().numpy().astype(np.int32),
        "gap": found.gap.flatten().cpu().numpy(),
        **{name: practical[:, index].astype(np.int32) for index, name in enumerate(PRACTICAL)},
    }
