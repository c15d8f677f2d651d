"""The largest and the smallest sum over all orders of removal, exactly, by dynamic programming over all sets.

The best sum of what is left from a set on is that set's own score and the best of its subsets with one item fewer. With
items that have no mass each set has a second state, in which they are still to be removed.
"""

from __future__ import annotations

import functools

import torch
from torch import Tensor

from attnprobe.erasure.kept_scores import means_of
from attnprobe.erasure.removals import Removals


def exact_totals(removals: Removals) -> tuple[Tensor, Tensor]:
    """The smallest and the largest sum of scores over all orders (documents,), all of as many items with mass.

    The sign of ``removals`` plays no part.
    """
    items = removals.mass.shape[1]
    scores = _scores_of_all_sets(removals).T
    none = removals.without_mass
    values = torch.stack([-scores, scores], 1)  # sets come first, so that what is looked up lies together
    removed, pending = values.clone(), values * (1 + none)
    best = none * values[-1]
    several = bool((none > 0).any())
    for sets, subsets in _layers(items):
        gone = _best_subset(removed, subsets)
        best = torch.maximum(none * values[sets] + gone, _best_subset(pending, subsets)) if several else gone
        removed[sets] = values[sets] + gone
        pending[sets] = values[sets] + best
    smallest, largest = best.reshape(2, -1)  # of the last layer, the whole document, which is not counted itself
    return -smallest, largest


def totals_of_sets(scores: Tensor) -> tuple[Tensor, Tensor]:
    """The same (columns,) of any scores of sets, of one document: no item is without mass, unless scores say so.

    Args:
        scores: of what is left (2^items, columns): bit j of a set's number says whether item j is in it.
    """
    values = torch.stack([-scores, scores], 1)
    removed, best = values.clone(), torch.zeros_like(values[:1])
    for sets, subsets in _layers(len(scores).bit_length() - 1):
        best = _best_subset(removed, subsets)
        removed[sets] = values[sets] + best
    smallest, largest = best[-1]
    return -smallest, largest


def _best_subset(totals: Tensor, subsets: Tensor) -> Tensor:
    """The largest of the totals of subsets (sets, subsets of each), by set."""
    return (
        totals.index_select(0, subsets.reshape(-1).to(totals.device)).reshape(*subsets.shape, *totals.shape[1:]).amax(1)
    )


def _scores_of_all_sets(removals: Removals) -> Tensor:
    """Scores (documents, 2^items) of what is left: bit j of a set's number says whether item j is in it."""
    weighted = torch.cat([removals.terms * removals.mass[:, None], removals.mass[:, None]], 1)
    sums = torch.zeros_like(weighted[..., :1]) if weighted.shape[-1] else weighted.new_zeros(*weighted.shape[:2], 1)
    for item in range(weighted.shape[-1]):
        sums = torch.cat([sums, sums + weighted[..., item, None]], -1)
    return removals.scores.of_means(means_of(sums[:, :-1], sums[:, -1:], removals.empty[..., None]))


@functools.cache
def _layers(items: int) -> list[tuple[Tensor, Tensor]]:
    """By size, from one item on: the sets of that size, and of each the sets with one item fewer."""
    sets = torch.arange(1 << items)
    bits = 1 << torch.arange(items)
    held = (sets[:, None] & bits) != 0
    sizes = held.sum(-1)
    layers = []
    for size in range(1, items + 1):
        of_size = sets[sizes == size]
        inside = bits.expand(len(of_size), -1)[held[of_size]].reshape(len(of_size), size)
        layers.append((of_size, of_size[:, None] ^ inside))
    return layers
