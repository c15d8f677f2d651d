"""What is shown of items, as columns of the table of items."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

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

    @classmethod
    def of_strings(cls, tokens: Sequence[str], before: Sequence[str | None]) -> ItemColumns:
        """Strings that repeat."""
        return cls(*(pa.array(strings, pa.string()).dictionary_encode() for strings in (tokens, before)))
