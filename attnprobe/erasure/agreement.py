"""How well an ordering of items, or a set of them, agrees with items that somebody has marked.

As in ERASER (DeYoung et al. 2020), document by document: the area under the precision-recall curve of an ordering, and
the F1 of a set in items and in spans. A span is a run of neighbouring items; spans that touch are one. Everything is
counted in whole numbers before the one division.
"""

from __future__ import annotations

import torch
from torch import Tensor


def average_precision(order: Tensor, marked: Tensor) -> Tensor:
    """The mean over marked items of the share of marked ones among those that come no later: AUPRC.

    It is what scikit-learn's ``average_precision_score`` gives of scores that fall along the ordering. Orderings have
    no ties, so that it says of items with equal scores what it says of the order in which they are erased.

    Args:
        order: permutations of the items, padding last (…, batch, items).
        marked: True where an item is marked (batch, items).

    Returns:
        (…, batch), float64; NaN where no item is marked.
    """
    hit = marked.expand(order.shape).gather(-1, order)
    places = torch.arange(1, order.shape[-1] + 1, device=order.device)
    precision = hit.cumsum(-1).double() / places
    return (precision * hit).sum(-1) / marked.sum(-1)


def average_precision_of_set(chosen: Tensor, marked: Tensor, sizes: Tensor) -> Tensor:
    """The same of a set as a score, 1 within and 0 outside, by scikit-learn's rule for equal scores: all or none.

    Args:
        chosen: True where an item is in the set (…, batch, items).
        marked: True where an item is marked (batch, items).
        sizes: items a document (batch,).

    Returns:
        (…, batch), float64; NaN where no item is marked, or none chosen.
    """
    both, of_set, of_marked = _counts(chosen, marked)
    recall = both / of_marked
    return recall * both / of_set + (1 - recall) * of_marked / sizes


def token_f1(chosen: Tensor, marked: Tensor) -> Tensor:
    """Twice the items in both over the items in either, those in both twice (…, batch); arguments as above."""
    both, of_set, of_marked = _counts(chosen, marked)
    return 2 * both / (of_set + of_marked)


def span_f1(chosen: Tensor, marked: Tensor) -> Tensor:
    """IOU F1 at .5 (…, batch): a span is found where it and a marked one have half of their union in common at least.

    No span is found twice: each of the two would cover half of it at least, and between them lies an item of neither.
    So precision and recall count the same pairs. Arguments as above.
    """
    marked = marked.expand(chosen.shape)
    common = chosen & marked
    begins = _begins(common)
    # Where spans overlap they do so in one run, at whose beginning all three lengths are known.
    lengths = [_lengths(each) for each in (common, chosen, marked)]
    matched = (begins & (3 * lengths[0] >= lengths[1] + lengths[2])).sum(-1)
    return 2 * matched.double() / (_begins(chosen).sum(-1) + _begins(marked).sum(-1))


def _counts(chosen: Tensor, marked: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """How many items are in both, in the set, and marked, each (…, batch) or (batch,)."""
    return (chosen & marked).sum(-1).double(), chosen.sum(-1).double(), marked.sum(-1).double()


def _begins(within: Tensor) -> Tensor:
    """True at the first item of each run (…, items)."""
    before = torch.nn.functional.pad(within[..., :-1], (1, 0))
    return within & ~before


def _lengths(within: Tensor) -> Tensor:
    """At each item of a run how long it is, 0 elsewhere (…, items)."""
    number = (_begins(within).cumsum(-1) * within).long()
    counts = torch.zeros_like(number, dtype=torch.int64)
    counts = torch.nn.functional.pad(counts, (0, 1)).scatter_add(-1, number, within.long())
    return counts.gather(-1, number) * within
