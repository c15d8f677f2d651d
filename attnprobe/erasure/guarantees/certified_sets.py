"""What flips decisions and what guarantees them, of documents of which nothing is known but by asking for sets.

Of a document of up to ``EVERY_SET`` items all sets are asked for, and everything is exact. Of a longer one both numbers
lie between a bound that is certain and a set that is found (``flip_search``, ``keep_search``).
"""

from __future__ import annotations

from math import comb
from typing import NamedTuple

import torch
from torch import Tensor

from attnprobe.erasure.asked_sets import AskedDocument
from attnprobe.erasure.certified_names import EVERY_SET, NO_SET
from attnprobe.erasure.guarantees.enumerated_sets import EnumeratedSets
from attnprobe.erasure.guarantees.flip_search import MOST_ASKED, search_flips, sizes_gone_through
from attnprobe.erasure.guarantees.keep_search import search_kept


class DocumentSets(NamedTuple):
    """What is known of one document.

    Attributes:
        flip_bound: no set of fewer items flips the decision; ``NO_SET`` where no set does at all.
        erased: the smallest set that is known to (items,); None where none is known.
        keep_bound: no set of fewer items guarantees the decision.
        kept: the smallest set that is known to, or of longer documents is not refuted (items,).
        necessary: how many items every set that guarantees it has: those that flip it alone.
        every: what is known of all sets; None where they are too many to ask for.
    """

    flip_bound: int
    erased: Tensor | None
    keep_bound: int
    kept: Tensor
    necessary: int
    every: EnumeratedSets | None


def sets_of_document(
    document: AskedDocument, largest: int, known: Tensor | None = None, *, smallest: bool = False
) -> DocumentSets:
    """What flips one document's decision, and what guarantees it.

    Args:
        document: which can be asked; of one item at least.
        largest: of how many items all sets are asked for, where those of any number are too many; one at least.
        known: a set (items,) whose erasure flips the decision; None where none is known.
        smallest: whether it is known that no smaller set does, or none at all where there is no ``known``.
    """
    if document.items <= EVERY_SET:
        every = EnumeratedSets(document.enumerate().flips)
        erased, kept = every.smallest_flip(), every.smallest_sufficient()
        bound = NO_SET if erased is None else int(erased.sum())
        return DocumentSets(bound, erased, int(kept.sum()), kept, int(every.necessary().sum()), every)
    flips = search_flips(document, largest, known, smallest=smallest)
    keeps = search_kept(document, flips)
    alone = int((flips.flipping.sum(-1) == 1).sum())
    return DocumentSets(flips.bound, flips.erased, keeps.bound, keeps.kept, alone, None)


def most_asked(items: int, largest: int) -> int:
    """Of how many sets :func:`sets_of_document` asks at most, about: searches may end a little later."""
    if items <= EVERY_SET:
        return 1 << items
    through = sizes_gone_through(items, largest)
    return sum(comb(items, size) for size in range(1, through + 1)) + 2 * MOST_ASKED


class CertifiedSets(NamedTuple):
    """What is known of some documents of a batch, in which they are these rows; numbers of items are int64.

    Attributes:
        documents: which rows (documents,).
        flip_bound, flip_smallest, keep_bound, keep_smallest, necessary: (documents,), see :class:`DocumentSets`.
        erased, kept: sets (documents, items).
        every: of each document.
    """

    documents: Tensor
    flip_bound: Tensor
    flip_smallest: Tensor
    erased: Tensor
    keep_bound: Tensor
    keep_smallest: Tensor
    kept: Tensor
    necessary: Tensor
    every: list[EnumeratedSets | None]

    @classmethod
    def of(cls, documents: Tensor, found: list[DocumentSets], items: int) -> CertifiedSets:
        """Of rows of a batch of so many items."""
        device = documents.device

        def numbers(of: list[int]) -> Tensor:
            return torch.tensor(of, dtype=torch.int64, device=device)

        erased, kept = (torch.zeros(len(found), items, dtype=torch.bool) for _ in range(2))
        for row, each in enumerate(found):
            kept[row, : len(each.kept)] = each.kept
            if each.erased is not None:
                erased[row, : len(each.erased)] = each.erased
        return cls(
            documents,
            numbers([each.flip_bound for each in found]),
            numbers([NO_SET if each.erased is None else int(each.erased.sum()) for each in found]),
            erased.to(device),
            numbers([each.keep_bound for each in found]),
            numbers([int(each.kept.sum()) for each in found]),
            kept.to(device),
            numbers([each.necessary for each in found]),
            [each.every for each in found],
        )

    def count_along(self, order: Tensor) -> Tensor:
        """How many of the first items of orderings (…, documents, items) are sufficient (…, documents).

        NaN where not all sets were asked for: no search can say it.
        """
        counts = torch.full(order.shape[:-1], torch.nan, dtype=torch.float64)
        for row, every in enumerate(self.every):
            if every is not None:
                counts[..., row] = every.count_along(order[..., row, : every.items].cpu()).double()
        return counts.to(order.device)
