"""How a model is trained."""

from __future__ import annotations

from dataclasses import dataclass

from attnprobe.settings.declaration import Settings, setting

EPOCHS_DOCSTRINGS = 4
"""At most, where nothing is said of them: the embedded dataset is done after fewer than others."""


@dataclass(frozen=True)
class TrainingSettings(Settings, section="training"):
    """How a model is trained."""

    epochs: int = setting(
        8, help=f"at most so many; on docstrings {EPOCHS_DOCSTRINGS}, where neither a flag nor a file says it"
    )
    patience: int = setting(2, help="stop after so many epochs without a better accuracy on the development split")
    learning_rate: float = setting(2e-3, above=0, help="of the optimiser, at first")
    batch_documents: int = setting(32, flag="--batch-size", help="documents in a batch, at most")
    batch_tokens: int = setting(16384, help="tokens in a batch, padding included, at most")
    gradient_norm: float | None = setting(10.0, above=0, help="limit of the gradient's global norm, or none")
    gradient_value: float | None = setting(None, above=0, help="limit of the size of each of its entries, or none")


FINE_TUNING = TrainingSettings(epochs=3, learning_rate=1e-4, gradient_norm=1.0)
"""How a pretrained model is trained further unless told otherwise: with smaller steps than one from scratch."""
