"""What flips decisions, and what guarantees them, as columns of a run's tables, where sets are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from attnprobe.erasure.certified_names import (
    ENUMERATED,
    FLIP_BOUND,
    FLIP_SMALLEST,
    FLIPPING_ITEM,
    NECESSARY,
    SUFFICIENT_BOUND,
    SUFFICIENT_ITEM,
    SUFFICIENT_SMALLEST,
)
from attnprobe.erasure.erasable import Erasable
from attnprobe.erasure.orderings import ranks
from attnprobe.erasure.rationales import NOT_LOOKED_AT


class Certify(NamedTuple):
    """Of which documents it is asked what flips them and what guarantees them.

    Attributes:
        documents: rows of a batch (documents,).
        largest: of how many items all sets are asked for in documents that have too many to ask for all.
    """

    documents: Tensor
    largest: int


class CertifiedColumns(NamedTuple):
    """Columns by name: of documents (batch,), of items (batch, items), of erasures by ordering (draws, batch).

    Numbers are NaN, and marks of items ``NOT_LOOKED_AT``, of documents that were not asked.
    """

    documents: dict[str, Tensor]
    items: dict[str, Tensor]
    erasures: dict[str, Tensor]


def certified_columns(
    batch: Erasable, asked: Certify | None, orders: Mapping[str, Tensor], removed: Mapping[str, Tensor]
) -> CertifiedColumns:
    """The columns; none where nothing is asked, or all is known without asking.

    Args:
        batch: of documents.
        asked: of which of them.
        orders: permutations of the items by ordering (draws, batch, items).
        removed: how many of the first are erased when the decision changes, −1 for never (draws, batch).
    """
    if asked is None:
        return CertifiedColumns({}, {}, {})
    documents = asked.documents
    known = _fewest(torch.cat(list(orders.values()))[:, documents], torch.cat(list(removed.values()))[:, documents])
    found = batch.certified_sets(documents, asked.largest, known)
    if found is None:
        return CertifiedColumns({}, {}, {})
    enumerated = torch.tensor([every is not None for every in found.every], device=documents.device)
    numbers = {
        SUFFICIENT_SMALLEST: found.keep_smallest,
        SUFFICIENT_BOUND: found.keep_bound,
        NECESSARY: found.necessary,
        FLIP_SMALLEST: found.flip_smallest,
        FLIP_BOUND: found.flip_bound,
        ENUMERATED: enumerated,
    }
    marks = {SUFFICIENT_ITEM: found.kept, FLIPPING_ITEM: found.erased}
    mask = batch.attention.mask
    along = {}
    for name, order in orders.items():
        along[name] = torch.full(order.shape[:2], torch.nan, dtype=torch.float64, device=mask.device)
        along[name][:, documents] = found.count_along(order[:, documents])
    nothing = torch.full(mask.shape[:1], torch.nan, dtype=torch.float64, device=mask.device)
    unmarked = torch.full(mask.shape, NOT_LOOKED_AT, dtype=torch.int8, device=mask.device)
    return CertifiedColumns(
        {name: nothing.index_copy(0, documents, of.double()) for name, of in numbers.items()},
        {name: unmarked.index_copy(0, documents, of.to(torch.int8)) for name, of in marks.items()},
        along,
    )


def _fewest(orders: Tensor, removed: Tensor) -> Tensor:
    """The smallest of the sets by which orderings (orderings, documents, items) change decisions (documents, items)."""
    items = orders.shape[-1]
    fewest, which = removed.masked_fill(removed < 0, items + 1).min(0)
    order = orders.gather(0, which[None, :, None].expand(1, *orders.shape[1:]))[0]
    return ranks(order) < fewest.masked_fill(fewest > items, 0)[:, None]
