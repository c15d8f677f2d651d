"""What is held against people's rationales as a table, one row a document × annotator × what is held against them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from attnprobe.data.batches import IntArray
from attnprobe.erasure.battery import BatteryResult
from attnprobe.erasure.rationales import Held

_NUMBERS = ("auprc", "token_f1", "iou_f1", "comprehensiveness", "at_most")
_NAME = pa.dictionary(pa.int32(), pa.string())

SCHEMA = pa.schema(
    [
        ("document", pa.int64()),
        *((name, _NAME) for name in ("annotator", "kind", "name")),
        ("draw", pa.int8()),
        ("marked", pa.int32()),
        *((name, pa.float64()) for name in _NUMBERS),
    ]
)


class RationaleRows(NamedTuple):
    """Rows on one annotator and some documents, of each document the same.

    Attributes:
        annotator: the name.
        numbers: of the documents (documents,).
        held: what is held against the items that are marked (held,).
        columns: by name, the others (held, documents).
    """

    annotator: str
    numbers: IntArray
    held: list[Held]
    columns: dict[str, npt.NDArray[Any]]

    @classmethod
    def of(cls, result: BatteryResult, numbers: IntArray) -> list[RationaleRows]:
        """What the tests gave for a batch, by annotator.

        Args:
            result: of the batch.
            numbers: of its documents (batch,).
        """
        return [
            cls(
                annotator,
                numbers[found.documents.cpu().numpy()],
                found.held,
                {name: column.cpu().numpy() for name, column in found.columns.items()},
            )
            for annotator, found in result.rationales.items()
        ]


def rationale_table(parts: Sequence[RationaleRows]) -> pa.Table:
    """All rows, in order of document; of a document in order of annotator and of what is held against them."""
    annotators = list(dict.fromkeys(part.annotator for part in parts))
    parts = [part for part in parts if len(part.numbers)]
    if not parts:
        return SCHEMA.empty_table()
    numbers = np.concatenate([np.repeat(part.numbers, len(part.held)) for part in parts])
    of_annotator = np.concatenate(
        [np.full(len(part.numbers) * len(part.held), annotators.index(part.annotator)) for part in parts]
    )
    held = [one for part in parts for one in part.held * len(part.numbers)]
    order = np.lexsort((np.arange(len(numbers)), of_annotator, numbers))
    columns: dict[str, Any] = {
        "document": numbers,
        "annotator": np.array(annotators, dtype=object)[of_annotator],
        "kind": np.array([one.kind for one in held], dtype=object),
        "name": np.array([one.name for one in held], dtype=object),
        "draw": np.array([one.draw for one in held]),
        **{name: np.concatenate([part.columns[name].T.ravel() for part in parts]) for name in ("marked", *_NUMBERS)},
    }
    arrays = []
    for field in SCHEMA:
        values = columns[field.name][order]
        if field.type == _NAME:
            arrays.append(pa.array(values.tolist(), pa.string()).dictionary_encode())
        else:
            arrays.append(pa.array(values, field.type, from_pandas=True))
    return pa.table(arrays, schema=SCHEMA)
