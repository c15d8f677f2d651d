"""Where a training stands."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor

from attnprobe.settings.training import TrainingSettings


@dataclass
class Epoch:
    """One line of the training log; times in seconds; the AUC where epochs are judged by it."""

    epoch: int
    loss: float
    dev_accuracy: float
    learning_rate: float
    tokens_per_second: float
    seconds: float
    dev_auc: float | None = None


@dataclass
class Progress:
    """Where training stands: what it takes, beside the optimiser's state, to go on.

    The best score is what epochs are judged by: accuracy on the development split, or AUC.
    """

    epochs: list[Epoch] = field(default_factory=list)
    best_score: float = -1.0
    best_epoch: int = -1
    learning_rate: float = 0.0
    best_weights: dict[str, Tensor] = field(default_factory=dict)

    def finished(self, settings: TrainingSettings) -> bool:
        """Whether the epochs are used up, or patience is."""
        waited = len(self.epochs) - 1 - self.best_epoch
        return len(self.epochs) >= settings.epochs or (bool(self.epochs) and waited >= settings.patience)
