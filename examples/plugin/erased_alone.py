"""Erased alone: the item whose erasure alone changes the output most is erased first."""

import torch

from attnprobe import Erasable, Ordering


def rank(batch: Erasable, seeds: torch.Tensor) -> torch.Tensor:
    """One ordering a document (1, batch, items): by Jensen-Shannon divergence, padding last."""
    js = batch.single_effects().js.masked_fill(~batch.attention.mask, -torch.inf)
    return js.argsort(dim=-1, descending=True, stable=True)[None]


ORDERING = Ordering("Erased alone", rank, description="what alone changes the output most first")
