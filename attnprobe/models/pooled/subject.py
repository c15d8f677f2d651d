"""HAN or FLAN in a run: trained from scratch on the dataset's words, and tested by its closed forms."""

from __future__ import annotations

import torch

from attnprobe.data.batches import Batch
from attnprobe.data.word2vec import word2vec_vectors
from attnprobe.erasure.meaning import BY_DEFAULT
from attnprobe.models.pooled.architectures import POOLED
from attnprobe.models.pooled.classifier import EMBEDDING_DIM, PooledClassifier
from attnprobe.models.pooled.probe import PooledProbe
from attnprobe.models.subject import Tested, VocabularySubject


class PooledSubject(VocabularySubject[PooledClassifier]):
    """HAN or FLAN."""

    def made(self) -> PooledClassifier:
        """A model with random weights, on the CPU."""
        settings = self.configuration.settings
        return POOLED[settings.model](len(self.vocabulary), len(self.dataset.labels), settings.dropout)

    def begin(self, model: PooledClassifier) -> None:
        """Write the vocabulary; put word2vec's vectors in the place of the initial embeddings, where asked for."""
        super().begin(model)
        settings = self.configuration.settings
        if settings.word2vec:
            vectors = word2vec_vectors(self.dataset, self.vocabulary, EMBEDDING_DIM, settings.seed)
            with torch.no_grad():
                model.embedding.weight.copy_(torch.from_numpy(vectors))

    def load(self) -> Tested[Batch]:
        """The trained model; of its readout, the bias is what decides where everything is erased and renormalised."""
        model, digest = self.trained_model()
        bias = [float(b) for b in model.head.bias.detach().cpu()]
        notes = {"readout_bias": bias} if self.meaning == BY_DEFAULT else {}
        return Tested(PooledProbe(model, self.meaning), digest, notes)
