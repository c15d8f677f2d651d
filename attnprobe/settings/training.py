"""How a model is trained."""

from __future__ import annotations

from dataclasses import dataclass

from attnprobe.settings.ranges import check_counts, check_positive


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

    Raises:
        InputError: a count is less than one, or a rate or limit is no finite number above zero.
    """

    epochs: int = 8
    patience: int = 2
    learning_rate: float = 2e-3
    batch_documents: int = 32
    batch_tokens: int = 16384
    gradient_norm: float | None = 10.0
    gradient_value: float | None = None

    def __post_init__(self) -> None:
        check_counts(self, "epochs", "patience", "batch_documents", "batch_tokens")
        check_positive(self, "learning_rate", "gradient_norm", "gradient_value")
