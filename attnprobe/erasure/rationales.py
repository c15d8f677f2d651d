"""Items that people marked, beside orderings and beside each other: agreement, and what becomes without them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from attnprobe.erasure.agreement import average_precision, average_precision_of_set, span_f1, token_f1
from attnprobe.erasure.erasable import Erasable
from attnprobe.erasure.orderings import ranks
from attnprobe.erasure.rationale_names import OF_ANNOTATOR, OF_BEST_SET, OF_ORDERING

NOT_LOOKED_AT = -1
"""In the place of a mark, 1 or 0, in documents that an annotator did not look at."""


class Held(NamedTuple):
    """What is held against an annotator's items: one of ``HELD_AGAINST``, its name, and the draw of an ordering."""

    kind: str
    name: str
    draw: int = 0


class AgainstAnnotator(NamedTuple):
    """What is held against the items that an annotator marked, in the documents of a batch in which some are.

    Attributes:
        documents: rows of the batch (documents,).
        held: what is (held,).
        columns: by name (held, documents), NaN where there is no number: ``auprc``, ``token_f1`` and ``iou_f1`` of its
            agreement; ``comprehensiveness``, the fall of the decision's probability without it, but not of other
            annotators, whose sets are of other sizes; ``at_most``, of the best set, what no set of that size passes.
            ``marked`` is how many items the annotator marked.
    """

    documents: Tensor
    held: list[Held]
    columns: dict[str, Tensor]


def against_annotators(
    batch: Erasable, orders: Mapping[str, Tensor], marks: Mapping[str, Tensor]
) -> dict[str, AgainstAnnotator]:
    """By annotator what is held against the items that are marked.

    Of an ordering these are as many first items as are marked, so that precision, recall and F1 in items are equal.

    Args:
        batch: of documents.
        orders: by name, permutations of the items (draws, batch, items).
        marks: by annotator (batch, items), 1 where an item is marked and 0 where not; ``NOT_LOOKED_AT`` in all of a
            document that the annotator did not look at.
    """
    mask = batch.attention.mask
    marked = {name: (mark == 1) & mask for name, mark in marks.items()}
    drawn = [Held(OF_ORDERING, name, draw) for name, order in orders.items() for draw in range(len(order))]
    order = torch.cat(list(orders.values()))
    return {name: _against(batch, name, marked, drawn, order) for name in marked}


def _against(
    batch: Erasable, annotator: str, marked: Mapping[str, Tensor], drawn: list[Held], order: Tensor
) -> AgainstAnnotator:
    documents = torch.nonzero(marked[annotator].any(-1))[:, 0]
    own, sizes = marked[annotator][documents], batch.attention.sizes[documents]
    count, order = own.sum(-1), order[:, documents]
    people = torch.stack([one[documents] for one in marked.values()])
    first = ranks(order) < count[:, None]
    sets = torch.cat([first, people])
    nothing = ~sets.any(-1)  # another annotator may have marked none
    agreement = {
        "auprc": torch.cat([average_precision(order, own), average_precision_of_set(people, own, sizes)]),
        "token_f1": token_f1(sets, own),
        "iou_f1": span_f1(sets, own),
    }
    columns = {name: column.masked_fill(nothing, torch.nan) for name, column in agreement.items()}
    absent = torch.full((len(sets), len(documents)), torch.nan, dtype=torch.float64, device=own.device)
    of_own_size = [*range(len(first)), len(first) + list(marked).index(annotator)]
    falls = batch.probability()[documents] - batch.probability_without(sets[of_own_size], documents)
    columns["comprehensiveness"] = absent.index_put((torch.tensor(of_own_size, device=own.device),), falls)
    columns["at_most"] = absent
    held = [*drawn, *(Held(OF_ANNOTATOR, name) for name in marked)]
    best = batch.largest_falls(documents, count)
    if best is not None:
        held.append(Held(OF_BEST_SET, OF_BEST_SET))
        last = {"comprehensiveness": best[:, 0], "at_most": best[:, 1]}
        columns = {name: torch.cat([column, last.get(name, absent[0])[None]]) for name, column in columns.items()}
    return AgainstAnnotator(documents, held, {"marked": count.expand(len(held), -1)} | columns)
