"""How early and how late an ordering can first flip the decision, over all attention weights with the same output.

The ordering is the one given, in general that of the observed weights, and stays fixed while the weights move: this is
what of an erasure curve the output does not determine. (An alternative would also be *ranked* differently; ranking
each alternative anew and erasing in that order is a question for samples, since the ranking cuts the polytope into
cells.)

With K_k what remains after the first k items, some alternative flips at k iff a linear program says so
(``erasure_outcomes``), and the earliest first flip is the first such k. The latest is one more than the greatest k for
which one alternative stays through all of K_1 … K_k, a single program for each k tried, and k is found by bisection.
Known vertices bound both from the start. Going from K_k to K_{k+1} only takes item i from an objective, so the dual of
the last program, ``objective · a' ≤ bound + r · a'``, still bounds the next by ``bound + max(0, r_i − M_ci) high_i``; a
program is solved again only when that exceeds zero.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from attnprobe.erasure.arrays import Array, Mask, WholeNumbers, numpy_or_torch
from attnprobe.erasure.contributions import Readout
from attnprobe.erasure.orderings import check_order
from attnprobe.identifiability.erasure_outcomes import POSITIVE, TIE, ErasureOutcomes
from attnprobe.identifiability.linear_programs import Numbers
from attnprobe.identifiability.same_output import same_head_output
from attnprobe.identifiability.value_space import as_batch, as_distributions


class FirstFlipRange(NamedTuple):
    """The range of an ordering's first flip over all alternatives, as counts (…,).

    Attributes:
        earliest: least count; −1 where no alternative flips, not even with everything erased.
        latest: greatest count; −1 where some alternative never flips.
    """

    earliest: Array
    latest: Array


class FirstFlipCertificates(NamedTuple):
    """A ``FirstFlipRange`` of one row with alternatives (items,) that attain its ends."""

    earliest: int
    latest: int
    first: Numbers
    last: Numbers


@numpy_or_torch
def first_flip_range(
    values: Array, weights: Array, mask: Mask, order: WholeNumbers, readout: Readout
) -> FirstFlipRange:
    """The earliest and the latest first flip of each ordering over all weights with the same head output.

    Args:
        values: what the weights average (batch, items, dim).
        weights: attention weights (batch, items).
        mask: True where an item is real (batch, items), or None.
        order: orderings (…, batch, items), most important first, padding last; any number of leading axes.
        readout: ``torch.nn.Linear`` or (weight (classes, dim), bias (classes,)).

    Returns:
        ``FirstFlipRange`` of int64 (…, batch); where not ``latest`` is −1, ``earliest ≤ latest``.

    Raises:
        ValueError: shapes that do not fit, NaN or infinite numbers, weights that are no distribution, orderings that
            are no permutations of the items with padding last, a readout of one row.
        SolverError: a linear program failed.
    """
    numbers, real = as_batch(values.cpu(), None if mask is None else mask.cpu())
    mass = as_distributions(weights.cpu(), real)
    if real.dim() != 2:
        raise ValueError(f"values have shape {tuple(values.shape)}, but (batch, items, dim) is needed")
    check_order(order.cpu(), real)
    flat = order.cpu().reshape(-1, *real.shape)
    counts = torch.empty((2, *flat.shape[:2]), dtype=torch.int64)
    for row in range(len(real)):  # each row is a polytope of its own
        size = int(real[row].sum())
        kept = real[row]
        position = kept.cumsum(0) - 1
        outcomes = ErasureOutcomes(same_head_output(mass[row][kept], numbers[row][kept]), numbers[row][kept], readout)
        for index, ordering in enumerate(flat[:, row]):
            found = first_flips_of(outcomes, position[ordering[:size]])
            counts[:, index, row] = torch.tensor([found.earliest, found.latest])
    return FirstFlipRange(*counts.reshape(2, *order.shape[:-1]))


@numpy_or_torch
def first_flips_of(outcomes: ErasureOutcomes, order: WholeNumbers) -> FirstFlipCertificates:
    """The range of one ordering's first flip over the alternatives of one row, of any kind.

    Args:
        outcomes: the alternatives and what is read out of them.
        order: a permutation of the items (items,).

    Raises:
        ValueError: ``order`` is no permutation of the items.
        SolverError: a linear program failed.
    """
    items = len(outcomes.alternatives.observed)
    order = order.cpu().numpy()
    if not np.array_equal(np.sort(order), np.arange(items)):
        raise ValueError(f"order is no permutation of {items} items")
    rank = np.empty(items, dtype=np.int64)
    rank[order] = np.arange(items)
    kept = rank[None, :] >= np.arange(1, items)[:, None]  # (items − 1, items): what remains after k = 1, 2, …
    known = _first_flips_of_vertices(outcomes, kept)
    earliest, first = _earliest(outcomes, order, kept, known)
    latest, last = _latest(outcomes, kept, known)
    return FirstFlipCertificates(_as_count(earliest, outcomes), _as_count(latest, outcomes), first, last)


def _as_count(k: int, outcomes: ErasureOutcomes) -> int:
    """Erasing everything leaves the bias to decide."""
    everything = k == len(outcomes.alternatives.observed)
    return -1 if everything and not outcomes.flips_when_empty else k


def _first_flips_of_vertices(outcomes: ErasureOutcomes, kept: np.ndarray) -> np.ndarray:
    """The first k that flips each known vertex clearly; n where only erasing everything could."""
    vertices = outcomes.alternatives.extremes.vertices
    first = np.full(len(vertices), len(kept) + 1)
    for k in range(len(kept), 0, -1):
        first[outcomes.flipped(vertices, kept[k - 1])] = k
    return first


def _earliest(outcomes: ErasureOutcomes, order: np.ndarray, kept: np.ndarray, known: np.ndarray) -> tuple[int, Numbers]:
    alternatives = outcomes.alternatives
    best = int(known.argmin())
    found, weights = int(known[best]), alternatives.extremes.vertices[best]
    if outcomes.flips_when_empty:
        found, weights = _first_emptied(outcomes, kept, found, weights)
    high = alternatives.extremes.high
    shift = np.where(outcomes.before, TIE, -TIE)
    margins = outcomes.margins + shift[:, None]
    bounds = np.full(len(margins), np.inf)
    prices = np.zeros_like(margins)
    for k in range(1, found):
        item = order[k - 1]
        bounds += (prices[:, item] - margins[:, item]).clip(min=0.0) * high[item]
        for c in np.flatnonzero(bounds > POSITIVE):
            solved = alternatives.maximise(kept[k - 1] * margins[c])
            if solved.value > POSITIVE:
                return k, solved.weights
            bounds[c] = solved.bound
            prices[c] = 0.0 if solved.reduced_costs is None else solved.reduced_costs
    return found, weights


def _first_emptied(outcomes: ErasureOutcomes, kept: np.ndarray, found: int, weights: Numbers) -> tuple[int, Numbers]:
    """The first k below ``found`` after which some alternative has no weight left: the more is erased, the easier."""
    low, high = 0, found
    while high - low > 1:
        middle = (low + high) // 2
        emptied = outcomes.can_empty(kept[middle - 1])
        if emptied is None:
            low = middle
        else:
            high, weights = middle, emptied
    return high, weights


def _latest(outcomes: ErasureOutcomes, kept: np.ndarray, known: np.ndarray) -> tuple[int, Numbers]:
    best = int(known.argmax())
    stays, weights = int(known[best]) - 1, outcomes.alternatives.extremes.vertices[best]
    flips = len(kept) + 1
    while flips - stays > 1:
        middle = (stays + flips) // 2
        found = outcomes.can_stay(kept[:middle])
        if found is None:
            flips = middle
        else:
            stays, weights = middle, found
    return stays + 1, weights
