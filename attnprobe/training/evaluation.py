"""How often a model is right."""

from __future__ import annotations

from functools import partial

import torch

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


def _right(
    model: TrainableClassifier[B], device: torch.device, ranks: Ranks, documents: EncodedSplit[B]
) -> tuple[int, int]:
    """Of how many documents this rank saw that the model is right, and of how many there are in all."""
    groups = ranks.some(documents.in_order_of_length(EVALUATION_DOCUMENTS, EVALUATION_TOKENS))
    right = sum(
        int((model.logits(batch).argmax(-1) == batch.labels).sum()) for batch in documents.batches(groups, device)
    )
    return right, len(documents)
