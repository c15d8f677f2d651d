"""What documents' items are made of, and where that stands in the text: what brought scores are matched with."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from attnprobe.base.errors import InputError
from attnprobe.settings.own_explanations import JOINED, OWN_SCORE, SINKS, SPECIALS


def check_choices(specials: object, subwords: object, sinks: object = OWN_SCORE) -> None:
    """Raise an InputError where these are none of ``SPECIALS``, ``JOINED`` and ``SINKS``."""
    choices = (("specials", specials, SPECIALS), ("subwords", subwords, JOINED), ("sinks", sinks, SINKS))
    for name, value, known in choices:
        if value not in known:
            raise InputError(f"{name} is {value!r}, but one of {', '.join(known)} is needed.")


@dataclass(frozen=True, eq=False)
class ItemParts:
    """The parts that items are made of: pieces of a tokenizer, or the items themselves.

    Attributes:
        lengths: parts a document (documents,).
        items: the item of its document that each part is of, −1 where it is of none (parts,).
        sizes: items a document (documents,).
        special: True where a part is a special token (parts,).
        starts, ends: where each part is in its document's text, in characters; −1 where it is not of the text (parts,).
        text_lengths: of the documents' texts, in characters (documents,).
        numbers: of the tokenizer's vocabulary (parts,), where parts are pieces.
        of_text_left_out: how many items at its beginning a document would have more, which are no special tokens
            (documents,); None where none is left out.
    """

    lengths: npt.NDArray[np.int64]
    items: npt.NDArray[np.int64]
    sizes: npt.NDArray[np.int64]
    special: npt.NDArray[np.bool_]
    starts: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    text_lengths: npt.NDArray[np.int64]
    numbers: npt.NDArray[np.int64] | None = None
    of_text_left_out: npt.NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.lengths)

    def of(self, document: int, first: npt.NDArray[np.int64]) -> ItemParts:
        """The parts of one document.

        Args:
            document: its row.
            first: the number of each document's first part (documents,).
        """
        parts, row = slice(first[document], first[document] + self.lengths[document]), slice(document, document + 1)
        return ItemParts(
            self.lengths[row],
            self.items[parts],
            self.sizes[row],
            self.special[parts],
            self.starts[parts],
            self.ends[parts],
            self.text_lengths[row],
            None if self.numbers is None else self.numbers[parts],
            None if self.of_text_left_out is None else self.of_text_left_out[row],
        )

    def without_first(self) -> ItemParts:
        """The same without the first item, which is then none, of the documents that have others."""
        several = self.sizes > 1
        shift = np.repeat(several, self.lengths) & (self.items >= 0)
        of_text = several & ~self.special_items()[np.cumsum(self.sizes) - self.sizes]
        counts = of_text.astype(np.int64)
        return replace(self, items=self.items - shift, sizes=self.sizes - several, of_text_left_out=counts)

    def reached(
        self, starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Which items of a single document stretches of its text reach into: pairs of a span and an item, each once.

        Args:
            starts, ends: of the spans in characters, the end exclusive (spans,).

        Raises:
            ValueError: there are spans, but it is not known where the parts are.
        """
        shown = (self.starts >= 0) & (self.items >= 0)
        if not shown.any() and len(starts):
            raise ValueError("its spans cannot be used, since the tokenizer does not say where its tokens are")
        span, part = np.nonzero(shown & (self.starts < ends[:, None]) & (self.ends > starts[:, None]))
        size = int(self.sizes[0])
        span, item = np.divmod(np.unique(span * size + self.items[part]), size)  # once, of however many parts
        return span, item

    def special_items(self) -> npt.NDArray[np.bool_]:
        """True where an item is a special token (items of all documents,)."""
        special = np.zeros(int(self.sizes.sum()), dtype=bool)
        first = np.repeat(np.cumsum(self.sizes) - self.sizes, self.lengths)
        within = self.items >= 0
        special[(first + self.items)[within & self.special]] = True
        return special

    @classmethod
    def of_numbered(cls, sizes: npt.NDArray[np.int64]) -> ItemParts:
        """Items of no text, none of which is a special token; ``sizes`` are items a document (documents,)."""
        nowhere = np.full(int(sizes.sum()), -1)
        return replace(cls.of_items(sizes, nowhere, nowhere, [""] * len(sizes)), special=nowhere > 0)

    @classmethod
    def of_items(
        cls,
        sizes: npt.NDArray[np.int64],
        starts: npt.NDArray[np.integer],
        ends: npt.NDArray[np.integer],
        texts: list[str],
    ) -> ItemParts:
        """Items that are made of nothing smaller, a special token where they are not of the text.

        Args:
            sizes: items a document (documents,).
            starts, ends: where each is in its document's text, −1 where it is not of the text (items,).
            texts: of the documents.
        """
        items = np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        lengths = np.array([len(text) for text in texts], dtype=np.int64)
        return cls(sizes, items, sizes, starts < 0, starts.astype(np.int64), ends.astype(np.int64), lengths)
