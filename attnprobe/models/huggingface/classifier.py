"""Sequence classifiers of transformers as classifiers of pieces, for the trainer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from attnprobe.models.huggingface.pieces import PieceBatch
from attnprobe.models.huggingface.sequences import model_inputs
from attnprobe.training import TrainingSettings

if TYPE_CHECKING:
    from transformers import PreTrainedModel

FINE_TUNING = TrainingSettings(epochs=3, learning_rate=1e-4, gradient_norm=1.0)
"""How a pretrained model is trained further unless told otherwise: with smaller steps than one from scratch."""


class PieceClassifier(nn.Module):
    """A ``…ForSequenceClassification`` model whose input is a batch of pieces."""

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: PieceBatch) -> Tensor:
        """Logits (documents, classes)."""
        logits: Tensor = self.model(**model_inputs(self.model, batch)).logits
        return logits

    def optimisers(self, learning_rate: float) -> list[torch.optim.Optimizer]:
        """AdamW (Loshchilov & Hutter 2019) on all weights, with its usual decay."""
        return [torch.optim.AdamW(self.parameters(), lr=learning_rate)]
