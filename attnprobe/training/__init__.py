"""Train a classifier: learning rate halved when dev accuracy stalls, early stopping on it, resumable by epoch.

Everything random in an epoch (order of batches, dropout) is a function of the seed and the epoch's number, so that a
run that was interrupted and resumed ends with the same weights as one that was not.
"""

from __future__ import annotations

from attnprobe.settings.training import TrainingSettings
from attnprobe.training.evaluation import EVALUATION_DOCUMENTS, EVALUATION_TOKENS, accuracy
from attnprobe.training.gradient_limits import limit_gradients
from attnprobe.training.progress import Epoch, Progress
from attnprobe.training.ranks import ALONE, Ranks
from attnprobe.training.streamed_split import StreamedSplit
from attnprobe.training.trainable import B, TrainableClassifier
from attnprobe.training.trainer import Trainer

__all__ = [
    "ALONE",
    "EVALUATION_DOCUMENTS",
    "EVALUATION_TOKENS",
    "B",
    "Epoch",
    "Progress",
    "Ranks",
    "StreamedSplit",
    "TrainableClassifier",
    "Trainer",
    "TrainingSettings",
    "accuracy",
    "limit_gradients",
]
