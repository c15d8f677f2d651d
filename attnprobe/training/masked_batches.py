"""What training erases of a document's attention: a function of the run's seed, the epoch and the document alone."""

from __future__ import annotations

import numpy as np
import torch

from attnprobe.data.batches import B, EncodedSplit, IntArray
from attnprobe.data.document_seeds import document_seeds
from attnprobe.data.occurrences import occurrences_of
from attnprobe.erasure.masking import Masking
from attnprobe.erasure.meaning import Meaning
from attnprobe.settings.training import TrainingSettings


class MaskedBatches:
    """The batches of an epoch's documents, half of each erased in.

    Args:
        documents: of the epoch, or of one buffer of it.
        seed: the run's.
        epoch: its number.
        settings: that say how is erased.
    """

    def __init__(self, documents: EncodedSplit[B], seed: int, epoch: int, settings: TrainingSettings) -> None:
        self._masking = masking_of(documents, seed, epoch, settings)

    def of(self, rows: IntArray) -> Masking:
        """What is erased of a whole batch, whose documents these rows are."""
        return self._masking.some(torch.from_numpy(np.ascontiguousarray(rows, dtype=np.int64))).half_of_batch()


def masking_of(documents: EncodedSplit[B], seed: int, epoch: int, settings: TrainingSettings) -> Masking:
    """Of each of these documents a uniform share of its items; arguments as of :class:`MaskedBatches`."""
    hashes = documents.documents.content_hashes
    seeds = torch.from_numpy(document_seeds(seed, hashes, occurrences_of(hashes)).view(np.int64))
    return Masking.drawn(seeds, epoch, Meaning(settings.mask_training_by))
