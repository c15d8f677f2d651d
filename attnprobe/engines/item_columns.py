"""What is shown of items, as columns of the table of items."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa


class ItemColumns(NamedTuple):
    """Texts of items, in order.

    Attributes:
        token: the items' texts.
        before: the text between each item and the one before it, null where an item is no part of its document's text
            or its place is not known; None where that is so of all.
    """

    token: pa.Array
    before: pa.Array | None

    def without_first(self, sizes: npt.NDArray[np.int64]) -> ItemColumns:
        """The same without the first item of the documents that have others.

        What it is of the text is then between the second item and the document's beginning: the text stays whole.

        Args:
            sizes: items a document, that one included (documents,).
        """
        kept = np.ones(int(sizes.sum()), dtype=bool)
        first = (np.cumsum(sizes) - sizes)[sizes > 1]
        kept[first] = False
        token = self.token.filter(pa.array(kept))
        if self.before is None:
            return ItemColumns(token, None)
        tokens, before = self.token.to_pylist(), self.before.to_pylist()
        for row in first.tolist():
            own = "" if before[row] is None else before[row] + tokens[row]
            following = before[row + 1]
            before[row + 1] = following if following is None else own + following
        return ItemColumns(token, pa.array(before, pa.string()).filter(pa.array(kept)).dictionary_encode())

    @classmethod
    def of_strings(cls, tokens: Sequence[str], before: Sequence[str | None]) -> ItemColumns:
        """Strings that repeat."""
        return cls(*(pa.array(strings, pa.string()).dictionary_encode() for strings in (tokens, before)))
