"""Whole curves as a table, one row a document × ordering × draw × number of items that are removed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch

from attnprobe.data.batches import IntArray
from attnprobe.data.documents import runs
from attnprobe.erasure.battery import BatteryResult, CurvesOfDocuments
from attnprobe.erasure.erasable import DecisionCurves

SCHEMA = pa.schema(
    [
        ("document", pa.int64()),
        ("ordering", pa.dictionary(pa.int32(), pa.string())),
        ("draw", pa.int8()),
        ("removed", pa.int32()),
        ("target", pa.int32()),
        ("probability", pa.float32()),
        ("log_probability", pa.float32()),
        ("logit", pa.float32()),
        ("kept_probability", pa.float32()),
        ("kept_logit", pa.float32()),
    ]
)

Numbers = npt.NDArray[Any]


class CurveRows(NamedTuple):
    """Rows of some documents, those of a document together.

    Attributes:
        numbers: of the documents (documents,).
        lengths: how many rows each has (documents,).
        draws: name and draw of each ordering; a document has as many rows of each.
        columns: by name, the others (rows,).
    """

    numbers: IntArray
    lengths: IntArray
    draws: list[tuple[str, int]]
    columns: dict[str, Numbers]

    @classmethod
    def of(cls, result: BatteryResult, numbers: IntArray) -> CurveRows | None:
        """What the tests gave for a batch; None where it has no curves.

        Args:
            result: of the batch.
            numbers: of its documents (batch,).
        """
        if result.curves is None:
            return None
        return cls._of(result.curves, result.curves.curves, result.documents["decision"], result, numbers)

    @classmethod
    def of_targets(cls, result: BatteryResult, numbers: IntArray) -> list[CurveRows]:
        """The same of each target that is followed beside the decision; arguments as of :meth:`of`."""
        if result.curves is None:
            return []
        decision = result.documents["decision"]
        return [
            cls._of(result.curves, curves, torch.full_like(decision, target), result, numbers)
            for target, curves in result.curves.curves.targets.items()
        ]

    @classmethod
    def _of(
        cls,
        of_documents: CurvesOfDocuments,
        curves: DecisionCurves,
        of_batch: torch.Tensor,
        result: BatteryResult,
        numbers: IntArray,
    ) -> CurveRows:
        """Rows of curves of one target of each document of the batch (batch,)."""
        documents, draws = of_documents.documents, of_documents.draws
        removed = torch.arange(curves.logit.erased.shape[-1], device=documents.device)
        shape = (len(documents), len(draws), len(removed))
        sizes, target = result.documents["n"][documents], of_batch[documents]
        there = (removed <= sizes[:, None])[:, None].expand(shape)
        tables = {
            "removed": removed.expand(shape),
            "target": target[:, None, None].expand(shape),
            "probability": curves.probability.erased.transpose(0, 1),
            "log_probability": curves.log_probability.erased.transpose(0, 1),
            "logit": curves.logit.erased.transpose(0, 1),
            "kept_probability": curves.probability.kept.transpose(0, 1),
            "kept_logit": curves.logit.kept.transpose(0, 1),
        }
        columns = {
            name: table.to(torch.float32 if table.is_floating_point() else torch.int32)[there].cpu().numpy()
            for name, table in tables.items()
        }
        lengths = (sizes + 1).cpu().numpy() * len(draws)
        return cls(numbers[documents.cpu().numpy()], lengths, draws, columns)


def curve_table(parts: Sequence[CurveRows]) -> pa.Table:
    """All rows, in order of document, those of one document in the order of their parts."""
    if not parts:
        return SCHEMA.empty_table()
    numbers, lengths = (np.concatenate([part[column] for part in parts]) for column in (0, 1))
    order, draws = np.argsort(numbers, kind="stable"), parts[0].draws
    rows = runs((np.cumsum(lengths) - lengths)[order], lengths[order])
    each = np.repeat(lengths[order] // len(draws), len(draws))  # rows of an ordering
    names = list(dict.fromkeys(name for name, _ in draws))
    codes, drawn = np.array([names.index(name) for name, _ in draws]), np.array([draw for _, draw in draws])
    columns = {
        "document": np.repeat(numbers[order], lengths[order]),
        "ordering": pa.DictionaryArray.from_arrays(
            pa.array(np.repeat(np.tile(codes, len(numbers)), each), pa.int32()), pa.array(names)
        ),
        "draw": np.repeat(np.tile(drawn, len(numbers)), each),
        **{name: np.concatenate([part.columns[name] for part in parts])[rows] for name in parts[0].columns},
    }
    return pa.table(
        [
            column if isinstance(column, pa.Array) else pa.array(column, field.type, from_pandas=True)
            for field, column in ((field, columns[field.name]) for field in SCHEMA)
        ],
        schema=SCHEMA,
    )
