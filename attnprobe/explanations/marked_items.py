"""Stretches of text that people marked, as marks on a model's own items."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from attnprobe.base.errors import InputError
from attnprobe.data.documents import runs
from attnprobe.data.rationales import MarkedSpans, Rationales
from attnprobe.erasure.rationales import NOT_LOOKED_AT
from attnprobe.explanations.item_parts import ItemParts


@dataclass(frozen=True, eq=False)
class MarkedItems:
    """Marks on the items of some documents.

    Attributes:
        sizes: items a document (documents,).
        by_annotator: 1 where an item is marked, 0 where not, ``NOT_LOOKED_AT`` in documents that the annotator did not
            look at (items of all documents,).
    """

    sizes: npt.NDArray[np.int64]
    by_annotator: Mapping[str, npt.NDArray[np.int8]]

    def of_batch(self, rows: npt.NDArray[np.integer], mask: Tensor) -> dict[str, Tensor]:
        """By annotator the marks (batch, items) of the documents of these rows.

        Args:
            rows: of the documents (batch,).
            mask: True where an item is real (batch, items).
        """
        first = torch.from_numpy((np.cumsum(self.sizes) - self.sizes)[rows])
        items = torch.arange(mask.shape[1])
        real = items < torch.from_numpy(self.sizes[rows])[:, None]
        assert torch.equal(real, mask.cpu()), "marks are on the very items"
        index = (first[:, None] + items).masked_fill(~real, 0)
        return {
            name: torch.from_numpy(marks)[index].masked_fill(~real, NOT_LOOKED_AT).to(mask.device)
            for name, marks in self.by_annotator.items()
        }


def marked_items(rationales: Rationales, parts: ItemParts, numbers: npt.NDArray[np.int64]) -> MarkedItems:
    """An item is marked where a span reaches into it; what the model does not read is not marked.

    Args:
        rationales: of the split.
        parts: what the documents' items are made of.
        numbers: of the documents in the split, ascending (documents,).

    Raises:
        InputError: it is not known where the model's items stand in the text.
    """
    marks = {name: _marks(name, spans.of(numbers), parts, numbers) for name, spans in rationales.annotators.items()}
    return MarkedItems(parts.sizes, marks)


def _marks(
    annotator: str, spans: MarkedSpans, parts: ItemParts, numbers: npt.NDArray[np.int64]
) -> npt.NDArray[np.int8]:
    first_item, first_part = (np.cumsum(each) - each for each in (parts.sizes, parts.lengths))
    marks = np.full(int(parts.sizes.sum()), NOT_LOOKED_AT, dtype=np.int8)
    marks[runs(first_item[spans.documents], parts.sizes[spans.documents])] = 0
    for place, row in enumerate(spans.documents.tolist()):
        of = slice(spans.offsets[place], spans.offsets[place + 1])
        try:
            _, items = parts.of(row, first_part).reached(spans.starts[of], spans.ends[of])
        except ValueError as error:
            raise InputError(
                f"The rationales of the annotator {annotator}, document {numbers[row]}: {error}."
            ) from None
        marks[first_item[row] + items] = 1
    return marks
