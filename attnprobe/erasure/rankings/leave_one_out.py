"""Leave one out: what goes with an item when it is erased alone, exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from attnprobe.erasure.erasable import Erasable


def drop_of_probability(batch: Erasable) -> Tensor:
    """How far the decision's probability falls, p_y − p_y without item j (batch, items)."""
    return batch.probability()[:, None] - batch.single_effects().probability


def drop_of_logit(batch: Erasable) -> Tensor:
    """How far the decision's logit falls, but for what is the same for all items of a document (batch, items)."""
    return -batch.single_effects().logit
