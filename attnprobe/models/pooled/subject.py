"""A model whose attention pools, in a run: trained from scratch on the dataset's words, tested by its closed forms."""

from __future__ import annotations

import torch

from attnprobe.data.batches import Batch
from attnprobe.data.word2vec import word2vec_vectors
from attnprobe.erasure.meaning import BY_DEFAULT
from attnprobe.models.pooled.classifier import EMBEDDING_DIM, PooledClassifier
from attnprobe.models.pooled.given_attention import FrozenAttention
from attnprobe.models.pooled.guides import load_guide, made_of
from attnprobe.models.pooled.probe import PooledProbe
from attnprobe.models.subject import Tested, VocabularySubject


class PooledSubject(VocabularySubject[PooledClassifier]):
    """HAN, FLAN, or one of Jain & Wallace's."""

    def made(self) -> PooledClassifier:
        """A model with random weights, on the CPU."""
        return made_of(self.configuration.settings, len(self.vocabulary), len(self.dataset.labels))

    def make_maskable(self, model: PooledClassifier) -> None:
        """It is: its attention takes what is to be erased."""

    def begin(self, model: PooledClassifier) -> None:
        """Write the vocabulary; put in the place of random weights what is known before.

        Those are word2vec's vectors, and the weights of another run whose attention this one has, where asked for.
        """
        super().begin(model)
        if isinstance(model.attention, FrozenAttention):
            load_guide(model.attention.guide, self.configuration.settings, self.vocabulary)
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
