"""The probe of attention-pooled classifiers, whose readout is affine: HAN and FLAN."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from attnprobe.data.batches import Batch
from attnprobe.models import PooledClassifier


class Reading(NamedTuple):
    """What a model's tested attention saw: values (batch, items, dim), scores and mask (batch, items)."""

    values: Tensor
    scores: Tensor
    mask: Tensor


class PooledProbe:
    """Reads the tested attention of a model; puts the model into evaluation mode."""

    def __init__(self, model: PooledClassifier) -> None:
        self.model = model.eval()

    @property
    def readout(self) -> nn.Linear:
        """The affine part of the model behind the attention."""
        return self.model.head

    @property
    def unit(self) -> str:
        """What an item is: ``word`` or ``sentence``."""
        return self.model.unit

    @torch.no_grad()
    def read(self, batch: Batch) -> Reading:
        """Values, attention scores and mask of a batch; costs one forward pass."""
        values, mask = self.model.items(batch)
        return Reading(values, self.model.attention.scores(values, mask), mask)
