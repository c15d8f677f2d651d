"""The decision's exact Shapley values under erasure, as an order of erasing; see ``fair_shares.subset_games``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from attnprobe.erasure.contributions import of_class
from attnprobe.erasure.fair_shares.subset_games import Game, shapley

if TYPE_CHECKING:
    from attnprobe.erasure.erasable import Erasable


def of_logit(batch: Erasable) -> Tensor:
    """Of the decision's logit (batch, items), float64; nothing at padding and at items without weight."""
    pooling, mass = batch.pooling(), batch.attention.weights
    assert pooling is not None
    decision = batch.decision()
    # Of each document the one class that is decided for, so that the bias is its own.
    empty = pooling.bias[decision][:, None]
    return shapley(Game.of(mass, of_class(pooling.alone, decision)[:, None], empty)).squeeze(1)
