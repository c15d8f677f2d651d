"""How often a model is right, and how well it tells classes apart."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from torch import Tensor

from attnprobe.base.roc import roc_auc
from attnprobe.data.batches import EncodedSplit
from attnprobe.training.ranks import ALONE, Ranks
from attnprobe.training.streamed_split import StreamedSplit
from attnprobe.training.trainable import B, TrainableClassifier

EVALUATION_DOCUMENTS, EVALUATION_TOKENS = 256, 32768
"""The fixed batches in which documents are read when no gradient is needed."""


@torch.inference_mode()
def accuracy(
    model: TrainableClassifier[B], documents: StreamedSplit[B], device: torch.device, ranks: Ranks = ALONE
) -> float:
    """Share of documents whose decision is their label; each rank counts some of the batches."""
    model.eval()
    # Not a loop, whose variable would keep one part in memory while the next is made.
    parts = list(map(partial(_right, model, device, ranks), documents.parts()))
    return ranks.total(sum(right for right, _ in parts)) / sum(read for _, read in parts)


@torch.inference_mode()
def auc(model: TrainableClassifier[B], documents: StreamedSplit[B], device: torch.device) -> float:
    """Area under the ROC curve, of several classes the mean over classes of one against the others.

    NaN where there is one class alone.
    """
    model.eval()
    parts = [_log_probabilities(model, device, part) for part in documents.parts()]
    log_p, labels = (torch.cat(columns).cpu().numpy() for columns in zip(*parts, strict=True))
    areas = [roc_auc(log_p[:, label], labels == label) for label in np.unique(labels)]
    return float(np.mean(areas))


def _log_probabilities(
    model: TrainableClassifier[B], device: torch.device, documents: EncodedSplit[B]
) -> tuple[Tensor, Tensor]:
    """Of a part of a split (documents, classes), and the labels (documents,)."""
    groups = documents.in_order_of_length(EVALUATION_DOCUMENTS, EVALUATION_TOKENS)
    batches = list(documents.batches(groups, device))
    log_p = [torch.log_softmax(model.logits(batch).double(), dim=-1) for batch in batches]
    return torch.cat(log_p), torch.cat([batch.labels for batch in batches])


def _right(
    model: TrainableClassifier[B], device: torch.device, ranks: Ranks, documents: EncodedSplit[B]
) -> tuple[int, int]:
    """Of how many documents this rank saw that the model is right, and of how many there are in all."""
    groups = ranks.some(documents.in_order_of_length(EVALUATION_DOCUMENTS, EVALUATION_TOKENS))
    right = sum(
        int((model.logits(batch).argmax(-1) == batch.labels).sum()) for batch in documents.batches(groups, device)
    )
    return right, len(documents)
