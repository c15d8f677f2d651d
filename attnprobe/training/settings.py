"""How a model is trained."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TrainingSettings:
    """How to train.

    Attributes:
        epochs: at most this many.
        patience: stop after this many epochs without a better dev accuracy.
        learning_rate: of the optimisers, at first.
        batch_documents: most documents in a batch.
        batch_tokens: most tokens in a batch, padding included.
        gradient_norm: limit of the global norm, or None.
        gradient_value: limit of each entry's size, or None.
    """

    epochs: int = 8
    patience: int = 2
    learning_rate: float = 2e-3
    batch_documents: int = 32
    batch_tokens: int = 16384
    gradient_norm: float | None = 10.0
    gradient_value: float | None = None
