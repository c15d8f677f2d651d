"""Exact Shapley and Banzhaf values of the logits under erasure, and the exact expectation of soft erasure.

What functions take and return is said in ``erasure.arrays``, the mathematics in ``subset_games``.
"""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

import torch
from torch import Tensor

from attnprobe.erasure.arrays import Array, Mask, first_document, numpy_or_torch
from attnprobe.erasure.contributions import Contributions, Readout
from attnprobe.erasure.fair_shares import subset_games
from attnprobe.erasure.fair_shares.subset_games import Game

Erased: TypeAlias = Literal["renormalise", "zero"]
"""What an erased item leaves: the rest, renormalised, or the readout's bias in its place (``attnprobe list``)."""

_OFF = 1e-9
"""By how much values may miss the sum that they have to have, relative to the largest logit."""


@numpy_or_torch
def shapley_values(
    values: Array,
    weights: Array,
    mask: Mask,
    readout: Readout,
    erasing: Erased = "renormalise",
    *,
    scores: Array = None,
) -> Array:
    """Each item's Shapley value in the game whose outcome are the logits of what is kept.

    They add up to the logits less the bias. With ``renormalise``, erasure as everywhere here, an item that is hardly
    attended to is paid all the same: where it is kept alone it decides alone. Of two items, one with next to no weight,
    that one still gets (g − b) / 2. With ``zero`` the value is a_j (g_j − b), gradient × attention of the logit.

    Args:
        values: what the weights average (batch, items, dim).
        weights: attention weights (batch, items); may be None where ``scores`` are given.
        mask: True where an item is real (batch, items), or None.
        readout: ``torch.nn.Linear`` or (weight (classes, dim), bias (classes,)).
        erasing: what is left where an item is not kept.
        scores: pre-softmax scores (batch, items).

    Returns:
        (batch, items, classes), zero at padding and, with ``renormalise``, at items whose weight is zero.

    Raises:
        ValueError: as :func:`decision_gradient`, but a readout of one row is taken; another ``erasing``.
        ArithmeticError: values do not add up, which they have to.
    """
    contributions = Contributions(values, weights, mask, readout, scores=scores)
    if _renormalises(erasing):
        return of_contributions(contributions).transpose(1, 2)
    return _without_renormalising(contributions).transpose(1, 2)


@numpy_or_torch
def banzhaf_values(
    values: Array,
    weights: Array,
    mask: Mask,
    readout: Readout,
    erasing: Erased = "renormalise",
    *,
    scores: Array = None,
) -> Array:
    """Each item's Banzhaf value: what it adds to the logits in the mean over all subsets of the others.

    Args, returns, raises: as :func:`shapley_values`, but values need not add up to anything.
    """
    contributions = Contributions(values, weights, mask, readout, scores=scores)
    if _renormalises(erasing):
        return subset_games.banzhaf(game_of(contributions)).transpose(1, 2)
    return _without_renormalising(contributions).transpose(1, 2)


@numpy_or_torch
def soft_erasure(
    values: Array, weights: Array, keep: Array, mask: Mask, readout: Readout, *, scores: Array = None
) -> Array:
    """The expected logits where each item is kept with its own probability, independently of the others: no draw.

    Zhao & Aletras (2023) estimate it by Bernoulli masks.

    Args:
        keep: the probability that an item is kept (batch, items).

    The other arguments and what is raised: as :func:`shapley_values`, and a ``ValueError`` for a probability below 0 or
    above 1, naming the document.

    Returns:
        (batch, classes); the bias where nothing is kept.
    """
    contributions = Contributions(values, weights, mask, readout, scores=scores)
    if keep.shape != contributions.mask.shape:
        raise ValueError(f"keep has shape {tuple(keep.shape)}, but {tuple(contributions.mask.shape)} is needed")
    outside = ~((keep >= 0) & (keep <= 1)) & contributions.mask
    if bool(outside.any()):
        raise ValueError(f"keep is no probability in {first_document(outside)}")
    return subset_games.expected(game_of(contributions), torch.where(contributions.mask, keep.double(), 0.0))


def of_contributions(contributions: Contributions) -> Tensor:
    """Shapley values (batch, classes, items) with renormalising."""
    game = game_of(contributions)
    found = subset_games.shapley(game)
    missed = (found.sum(-1) - (contributions.logits - game.empty)).abs().amax(-1)
    scale = contributions.alone.abs().amax((1, 2)).clamp(min=1) if contributions.alone.numel() else missed
    off = (missed > _OFF * scale) & (game.mass > 0).any(-1)
    if bool(off.any()):
        document = int(torch.nonzero(off)[0])
        raise ArithmeticError(f"Shapley values of document {document} miss their sum by {float(missed[document]):.1e}")
    return found


def game_of(contributions: Contributions) -> Game:
    """The game of documents, whose weights sum to one."""
    return Game.of(contributions.mass, contributions.alone, contributions.bias)


def _without_renormalising(contributions: Contributions) -> Tensor:
    """a_j (g_j − b), the weights summing to one."""
    game = game_of(contributions)
    return game.gains - game.mass[:, None] * game.empty[:, None]


def _renormalises(erasing: str) -> bool:
    if erasing not in get_args(Erased):
        raise ValueError(f"erasing is {erasing!r}, but one of {', '.join(get_args(Erased))} is needed")
    return erasing == "renormalise"
