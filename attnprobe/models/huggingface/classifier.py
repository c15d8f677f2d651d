"""Sequence classifiers of transformers as classifiers of pieces, for the trainer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from attnprobe.erasure.masking import Masking
from attnprobe.models.huggingface.pieces import PieceBatch
from attnprobe.models.huggingface.sequences import model_inputs
from attnprobe.models.layered_probe import MaskedRun, no_masking
from attnprobe.settings.training import TrainingSettings
from attnprobe.training.adam import Optimiser

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class PieceClassifier(nn.Module):
    """A ``…ForSequenceClassification`` model whose input is a batch of pieces.

    Attributes:
        masked: what runs it with attention erased; set where it is trained so.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.model = model
        self.masked: MaskedRun[PieceBatch] = no_masking

    def forward(self, batch: PieceBatch, masking: Masking | None = None) -> Tensor:
        """Logits (documents, classes), perhaps with attention erased."""
        if masking is not None:
            return self.masked(batch, masking)
        logits: Tensor = self.model(**model_inputs(self.model, batch)).logits
        return logits

    def logits(self, batch: PieceBatch) -> Tensor:
        """The same."""
        return self.forward(batch)

    def optimiser(self, settings: TrainingSettings) -> Optimiser:
        """AdamW (Loshchilov & Hutter 2019) on all weights, with its usual decay."""
        return torch.optim.AdamW(self.parameters(), lr=settings.learning_rate)
