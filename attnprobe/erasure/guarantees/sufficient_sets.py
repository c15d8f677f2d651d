"""Sets of items that, kept, guarantee the decision whatever subset of the others is erased.

What functions take and return is said in ``erasure.arrays``, why sums decide in ``requirements``. ERASER's sufficiency
asks less: that the decision stays when *everything* else is erased, which under renormalising one word alone does in
nearly every document.
"""

from __future__ import annotations

import torch

from attnprobe.base.errors import SolverError
from attnprobe.erasure.arrays import Array, Mask, WholeNumbers, numpy_or_torch
from attnprobe.erasure.contributions import Contributions, Readout
from attnprobe.erasure.guarantees.covering_programs import completing_set
from attnprobe.erasure.guarantees.smallest_sets import MinimalSufficientSet, necessary, smallest_sets
from attnprobe.erasure.orderings import check_order


@numpy_or_torch
def sufficient_count(
    values: Array, weights: Array, mask: Mask, order: WholeNumbers, readout: Readout, *, scores: Array = None
) -> Array:
    """How many of each ordering's first items, if kept, guarantee the decision whatever subset of the others is erased.

    Args:
        values: what the weights average (batch, items, dim).
        weights: attention weights (batch, items); may be None where ``scores`` are given.
        mask: True where an item is real (batch, items), or None.
        order: orderings (…, batch, items), most important first, padding last; any number of leading axes.
        readout: ``torch.nn.Linear`` or (weight (classes, dim), bias (classes,)).
        scores: pre-softmax scores (batch, items).

    Returns:
        (…, batch), int64: from 0, where the decision stands whatever is erased, to the number of items.

    Raises:
        ValueError: as :func:`decision_gradient`, and an ordering that is no permutation of a document's items with its
            padding last, naming the document.
    """
    requirements = Contributions(values, weights, mask, readout, scores=scores).requirements()
    check_order(order, requirements.mask)
    return requirements.count_along(order)


@numpy_or_torch
def minimal_sufficient_set(
    values: Array, weights: Array, mask: Mask, readout: Readout, *, scores: Array = None
) -> MinimalSufficientSet:
    """The provably smallest set of items that guarantees the decision whatever subset of the others is erased.

    For each rival one sort says how many items are needed against it alone. The largest of these numbers is a lower
    bound for all, and is attained in most documents; in the others a covering program is solved.

    Args, raises: as :func:`sufficient_count`, but for the ordering.

    Returns:
        ``MinimalSufficientSet`` of ``count``, ``kept`` and ``bound``.
    """
    return smallest_sets(Contributions(values, weights, mask, readout, scores=scores).requirements())


@numpy_or_torch
def necessary_items(values: Array, weights: Array, mask: Mask, readout: Readout, *, scores: Array = None) -> Array:
    """Which items every sufficient set has: those without which all the others together guarantee nothing.

    Args, raises: as :func:`sufficient_count`, but for the ordering.

    Returns:
        (batch, items), True where an item is necessary.
    """
    return necessary(Contributions(values, weights, mask, readout, scores=scores).requirements())


@numpy_or_torch
def relevant_items(values: Array, weights: Array, mask: Mask, readout: Readout, *, scores: Array = None) -> Array:
    """Which items some sufficient set has from which none can be left out.

    An item is relevant exactly when some set of others is insufficient without it and sufficient with it: when it is no
    dummy player of a weighted voting game, which is NP-hard to say in general. Sets found by leaving out one item after
    the other settle most items, and a program with binary variables each of the rest.

    Args, raises: as :func:`sufficient_count`, but for the ordering; and a ``SolverError`` where a program is given up.

    Returns:
        (batch, items), True where an item is relevant.
    """
    requirements = Contributions(values, weights, mask, readout, scores=scores).requirements()
    found = necessary(requirements)
    for document in torch.nonzero(~requirements.nothing_needed())[:, 0].tolist():
        real = torch.nonzero(requirements.mask[document])[:, 0]
        gains = requirements.gains[document][:, real].cpu().numpy()
        thresholds = requirements.thresholds[document].cpu().numpy()
        for place, item in enumerate(real.tolist()):
            if not found[document, item] and gains[:, place].any():
                try:
                    found[document, item] = completing_set(gains, thresholds, place) is not None
                except SolverError as error:
                    raise SolverError(f"whether item {item} of document {document} is relevant: {error}") from error
    return found
