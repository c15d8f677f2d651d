"""Results as tables: a row a document × head, a row a weight, and columns of the table of documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from attnprobe.stages.identifying.erasure_reach import ErasureReach
from attnprobe.stages.identifying.nullities import Columns
from attnprobe.stages.identifying.programs import Entry
from attnprobe.stages.identifying.weight_reach import COLUMNS

PER_WEIGHT = ("position", "weight", "low", "high", "maximum_entropy")

OF_DOCUMENTS = (*ErasureReach._fields, "top_can_change", "kendall_tau_low", "kendall_tau_found")
"""Columns that documents.parquet gets where the readout is affine."""

_COUNTS = (
    *("can_be_top", "must_flip", "may_flip", "never_flips"),
    *("first_flip_earliest", "first_flip_latest", "random_earliest", "random_latest"),
)
_YES_OR_NO = ("top_can_change", "top_can_flip", "top_can_stay", "earlier_can_fail")


def head_table(nullities: Sequence[Columns], entries: Mapping[int, Sequence[Entry]]) -> pa.Table:
    """One row a document × head.

    Args:
        nullities: columns of all of them, in parts.
        entries: of the documents that programs were run on, the heads of each in order of layer and head.
    """
    columns = {name: np.concatenate([part[name] for part in nullities]) for name in nullities[0]}
    order = np.lexsort((columns["head"], columns["layer"], columns["stack"], columns["document"]))
    columns = {name: column[order] for name, column in columns.items()}
    of_row = _entries_of_rows(columns["document"], entries)
    table = {name: _nullable(column) for name, column in columns.items()}
    table["d_k"] = pa.array(columns["d_k"], pa.int32(), from_pandas=True)
    table["sampled"] = pa.array([entry is not None for entry in of_row])
    for name in (*COLUMNS, "seconds"):
        table[name] = _column(name, [None if entry is None else entry.get(name) for entry in of_row])
    table["failed"] = pa.array([None if entry is None else entry["failed"] for entry in of_row], pa.bool_())
    return pa.table(table)


def _entries_of_rows(documents: npt.NDArray[np.int64], entries: Mapping[int, Sequence[Entry]]) -> list[Entry | None]:
    first = np.r_[True, np.diff(documents) > 0]
    place = np.arange(len(documents)) - np.maximum.accumulate(np.where(first, np.arange(len(documents)), 0))
    return [
        entries[document][number] if document in entries else None
        for document, number in zip(documents.tolist(), place.tolist(), strict=True)
    ]


def weight_table(heads: pa.Table, entries: Mapping[int, Sequence[Entry]]) -> pa.Table:
    """One row a weight of the heads that programs were run on: what it is, and how far it can move.

    Args:
        heads: as :func:`head_table` makes it.
        entries: of the documents that programs were run on.
    """
    keys = {name: heads[name].to_numpy() for name in ("document", "stack", "layer", "head")}
    of_row = _entries_of_rows(keys["document"], entries)
    lengths = np.array([0 if entry is None else len(entry.get("weight", ())) for entry in of_row])
    table = {name: pa.array(np.repeat(column, lengths)) for name, column in keys.items()}
    for name in PER_WEIGHT:
        numbers = [entry[name] for entry in of_row if entry is not None and "weight" in entry]
        kind = np.int32 if name == "position" else np.float64
        table[name] = pa.array(np.concatenate([np.empty(0, kind), *(np.array(each, kind) for each in numbers)]))
    return pa.table(table)


def with_reach(documents: pa.Table, entries: Mapping[int, Sequence[Entry]]) -> pa.Table:
    """The table of documents with the columns ``OF_DOCUMENTS``, null where no program was run or one failed.

    Args:
        documents: one row a document.
        entries: of the documents that programs were run on; each has one head.
    """
    rows: list[dict[str, Any]] = []
    for document in documents["document"].to_pylist():
        (entry,) = entries.get(document, ({"failed": True},))
        rows.append(entry | entry.get("erasures", {}))
    kept = documents.select([name for name in documents.column_names if name not in OF_DOCUMENTS])
    for name in OF_DOCUMENTS:
        kept = kept.append_column(name, _column(name, [row.get(name) for row in rows]))
    return kept


def _column(name: str, values: Sequence[Any]) -> pa.Array:
    kind = pa.int32() if name in _COUNTS else pa.bool_() if name in _YES_OR_NO else pa.float64()
    return pa.array(values, kind)


def _nullable(column: npt.NDArray[Any]) -> pa.Array:
    return pa.array(column, mask=np.isnan(column) if column.dtype.kind == "f" else None)
