"""Erase attention weights, renormalise the rest, and read the decision off again, exactly, for affine readouts.

What functions take and return is said in ``arrays``. Where weights may have underflowed, give the pre-softmax
``scores`` and the weights are made from them in float64. The mathematics is in ``contributions``, and in
``replaced_mass`` where something else stands in the place of what is erased: ``erase_by`` names it, ``zero``,
``document_mean``, ``corpus_mean`` (with the ``mean`` logits (classes,) of other documents) or ``resample`` (with their
logits as ``samples``, (draws, classes) or (draws, batch, classes): what comes back then has an axis of draws first).
"""

from __future__ import annotations

import torch

from attnprobe.erasure.arrays import Array, Mask, WholeNumbers, as_mask, check_numbers, numpy_or_torch
from attnprobe.erasure.contributions import Contributions, FirstFlip, MinimalFlipSet, Readout, check_weights
from attnprobe.erasure.given_stand_ins import DRAWN, replaced_by
from attnprobe.erasure.orderings import check_order
from attnprobe.erasure.registered_ways import RENORMALISE


@numpy_or_torch
def erase(weights: Array, erased: Mask, mask: Mask = None, *, scores: Array = None) -> Array:
    """Zero the weights of a set of items and renormalise what remains to a sum of one; differentiable.

    Args:
        weights: attention weights (…, items); may be None where ``scores`` are given.
        erased: True where an item's weight is set to zero: (…, items), with axes of length one where it is the same
            for all, or (items,).
        mask: True where an item is real (…, items); padding is zero afterwards.
        scores: pre-softmax scores (…, items): the remainder is then normalised from them.

    Returns:
        Weights (…, items); a row of which nothing remains is zero.

    Raises:
        ValueError: NaN, infinite or negative weights, the message names the document; masks of another shape.

    >>> erase(torch.tensor([[0.5, 0.25, 0.25]]), torch.tensor([[True, False, False]]))
    tensor([[0.0000, 0.5000, 0.5000]])
    """
    given = weights if scores is None else scores
    if erased is None:
        raise ValueError("erased is None, but a mask is needed")
    remaining = as_mask(mask, given) & ~as_mask(erased, given, "erased")
    if scores is not None:
        check_numbers("scores", scores, as_mask(mask, scores), minus_infinity=True)
        # A softmax over nothing is NaN, forwards and backwards: such a row is computed on its scores and then zeroed.
        nothing = ~(remaining & (scores > -torch.inf)).any(dim=-1, keepdim=True)
        kept = scores.double().masked_fill(~(remaining | nothing), -torch.inf).masked_fill(nothing, 0.0)
        return torch.softmax(kept, dim=-1).masked_fill(nothing, 0.0)
    check_weights(weights, as_mask(mask, weights))
    kept = weights.double().masked_fill(~remaining, 0.0)
    total = kept.sum(dim=-1, keepdim=True)
    return kept / total.masked_fill(total == 0, 1.0)


@numpy_or_torch
def decision_gradient(values: Array, weights: Array, mask: Mask, readout: Readout, *, scores: Array = None) -> Array:
    """Gradient of the decision's probability with respect to each attention weight, in closed form.

    The weights are free variables after the softmax, as in Serrano & Smith (2019): ∂p_y/∂aᵢ = p_y (u_iy − Σ_c p_c u_ic)
    with u = W h; signed, for the predicted class.

    Args:
        values: what the weights average (batch, items, dim).
        weights: attention weights (batch, items); may be None where ``scores`` are given.
        mask: True where an item is real (batch, items), or None.
        readout: ``torch.nn.Linear`` or (weight (classes, dim), bias (classes,)).
        scores: pre-softmax scores (batch, items).

    Returns:
        (batch, items), zero at padding.

    Raises:
        ValueError: shapes that do not fit, NaN or infinite numbers, negative weights, the message names the document; a
            readout of one row, which decides nothing.
    """
    return Contributions(values, weights, mask, readout, scores=scores).decision_gradient()


@numpy_or_torch
def single_erasures(
    values: Array,
    weights: Array,
    mask: Mask,
    readout: Readout,
    *,
    scores: Array = None,
    erase_by: str = RENORMALISE,
    mean: Array = None,
    samples: Array = None,
) -> Array:
    """The logits after erasing each item alone.

    Args:
        erase_by: what is meant by erased.
        mean: logits (classes,), for ``corpus_mean``.
        samples: logits (draws, classes) or (draws, batch, classes), for ``resample``.

    The other arguments and what is raised: as :func:`decision_gradient`, but a readout of one row is taken where what
    remains is renormalised; and a ``ValueError`` for a way that there is not, or without what it needs.

    Returns:
        (batch, items, classes); at padding, where nothing is erased, the unerased logits. Where no mass remains they
        are the bias, or of what stands in; of ``resample`` (draws, batch, items, classes).
    """
    of = Contributions(values, weights, mask, readout, scores=scores)
    replaced = replaced_by(of, erase_by, mean, samples)
    if replaced is None:
        return of.logits_without_each().transpose(1, 2)
    logits = replaced.logits_without_each().transpose(-1, -2)
    return logits if erase_by == DRAWN else logits.squeeze(0)


@numpy_or_torch
def first_flip(
    values: Array,
    weights: Array,
    mask: Mask,
    order: WholeNumbers,
    readout: Readout,
    *,
    scores: Array = None,
    erase_by: str = RENORMALISE,
    mean: Array = None,
    samples: Array = None,
) -> FirstFlip:
    """How much of each ordering must be erased before the decision flips.

    Args:
        order: orderings (…, batch, items), most important first, padding last; any number of leading axes.
        erase_by, mean, samples: as of :func:`single_erasures`.

    The other arguments and what is raised: as :func:`decision_gradient`, and a ``ValueError`` for an ordering that is
    no permutation of a document's items with its padding last, naming the document.

    Returns:
        ``FirstFlip`` of ``count`` (int64), ``fraction``, ``mass`` and ``emptied`` (bool), each (…, batch), of
        ``resample`` (draws, …, batch). Erasing everything counts as k = n, and leaves the bias to decide, or what
        stands in: where the decision changes only then ``emptied`` is True. A document that does not flip even then
        has −1, NaN and NaN.
    """
    contributions = Contributions(values, weights, mask, readout, scores=scores)
    check_order(order, contributions.mask)
    replaced = replaced_by(contributions, erase_by, mean, samples)
    if replaced is None:
        return contributions.first_flip(order)
    flat, draws = order.reshape(-1, *order.shape[-2:]), len(replaced.stand_ins)
    pairs = [(which, draw) for draw in range(draws) for which in range(len(flat))]
    found = replaced.first_flip(flat, pairs)
    leading = (draws, *order.shape[:-1]) if erase_by == DRAWN else order.shape[:-1]
    return FirstFlip(*(column.reshape(leading) for column in found))


@numpy_or_torch
def minimal_flip_set(
    values: Array,
    weights: Array,
    mask: Mask,
    readout: Readout,
    *,
    scores: Array = None,
    erase_by: str = RENORMALISE,
    mean: Array = None,
    samples: Array = None,
) -> MinimalFlipSet:
    """The oracle: the provably smallest set of items whose erasure flips the decision, in O(classes · items log items).

    The margins of the remaining items add up (see the module's text), so for each class the best set of a given size
    is the one with the smallest margins; the smallest that flips, over all classes, is the minimum.

    Args:
        erase_by, mean, samples: as of :func:`single_erasures`.

    The other arguments and what is raised: as :func:`decision_gradient`.

    Returns:
        ``MinimalFlipSet`` of ``count`` (batch,), −1 where no set flips the decision; ``erased`` (batch, items);
        ``emptied`` (batch,), True where only erasing all that has weight does; and ``rank`` (batch, items). Of
        ``resample`` each has an axis of draws before the others.
    """
    of = Contributions(values, weights, mask, readout, scores=scores)
    replaced = replaced_by(of, erase_by, mean, samples)
    if replaced is None:
        return of.minimal_flip_set()
    smallest = replaced.minimal_flip_sets()
    return smallest if erase_by == DRAWN else MinimalFlipSet(*(part.squeeze(0) for part in smallest))
