"""A transformer encoder in a run: trained from scratch on the dataset's words, attached to and verified."""

from __future__ import annotations

from attnprobe.data.batches import Batch, EncodedDocuments
from attnprobe.data.documents import Documents
from attnprobe.erasure.meaning import Meaning
from attnprobe.models.subject import Tested, VocabularySubject
from attnprobe.models.transformer.network import TransformerClassifier
from attnprobe.models.transformer.probe import TransformerProbe
from attnprobe.runs.selection_records import SELECTED
from attnprobe.settings.transformer import TransformerOptions


class TransformerSubject(VocabularySubject[TransformerClassifier]):
    """A transformer encoder."""

    @property
    def options(self) -> TransformerOptions:
        """What it is made with."""
        options = self.configuration.settings.transformer
        assert options is not None, "a run of a transformer is made with its options"
        return options

    def encode(self, documents: Documents) -> EncodedDocuments:
        """Documents as numbers of the vocabulary, cut to what fits behind the first token."""
        words = self.options.longest - 1
        encoded = super().encode(documents.cut(words))
        encoded.cut = int((documents.words_per_document > words).sum())
        return encoded

    def made(self) -> TransformerClassifier:
        """A model with random weights, on the CPU."""
        return TransformerClassifier(len(self.vocabulary), len(self.dataset.labels), self.options)

    def make_maskable(self, model: TransformerClassifier) -> None:
        """Attach to it as it is tested: what cannot be erased there cannot be erased while it is trained."""
        self.training_meaning.require_nothing_stands_in("transformers that are trained")
        model.masked = self._probe(model, self.training_meaning).masked_logits

    def load(self) -> Tested[Batch]:
        """The trained model, attached to and verified."""
        model, digest = self.trained_model()
        probe = self._probe(model, self.meaning)
        return Tested(probe, digest, {"engine": probe.attention.engine, SELECTED: probe.attention.selection})

    def _probe(self, model: TransformerClassifier, meaning: Meaning) -> TransformerProbe:
        attention = self.configuration.settings.attention
        assert attention is not None, "a run of a transformer is made with attention settings"
        return TransformerProbe(model, attention, meaning, special_items=self.special_items)
