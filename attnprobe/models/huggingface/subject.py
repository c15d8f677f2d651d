"""A Hugging Face model in a run: fine-tuned on the run's dataset, or tested as it is."""

from __future__ import annotations

import dataclasses
from functools import cached_property
from typing import Any

import torch

from attnprobe.base.errors import InputError
from attnprobe.base.run_layout import is_view
from attnprobe.data.documents import Documents
from attnprobe.data.tokenised_dataset import Dataset
from attnprobe.models.huggingface.checkpoint_content import content_hash, locate
from attnprobe.models.huggingface.classifier import PieceClassifier
from attnprobe.models.huggingface.finetuned import load_finetuned, save_finetuned
from attnprobe.models.huggingface.following_tokens import appended_tokens
from attnprobe.models.huggingface.given_texts import documents_of_texts
from attnprobe.models.huggingface.label_words import label_texts
from attnprobe.models.huggingface.loading import Checkpoint, decides, decision_of, load_checkpoint, load_classifier
from attnprobe.models.huggingface.pieces import EncodedPieces, PieceBatch, encode_documents
from attnprobe.models.huggingface.probe import CheckpointProbe
from attnprobe.models.huggingface.sequences import longest_sequence
from attnprobe.models.huggingface.written_texts import TextPair
from attnprobe.models.subject import Subject, Tested
from attnprobe.runs.configuration import CheckpointSource, RunConfiguration
from attnprobe.runs.run_folder import RunFolder
from attnprobe.runs.selection_records import SELECTED
from attnprobe.settings.attention import AttentionSettings
from attnprobe.settings.checkpoint_names import PREFIX, short_name


class CheckpointSubject(Subject[PieceBatch, PieceClassifier]):
    """A checkpoint of transformers, and what the run makes of it."""

    takes_pairs = True

    def __init__(
        self, folder: RunFolder, configuration: RunConfiguration, dataset: Dataset, device: torch.device
    ) -> None:
        super().__init__(folder, configuration, dataset, device)
        # A view, which lies in the folder of a run, is of the run's model.
        self._home = RunFolder(folder.path.parent) if is_view(folder.path) else folder
        self.saved = self._home.checkpoint
        self.trained = configuration.settings.training is not None

    @classmethod
    def decides(cls, model: str, *, at_token: bool = False) -> bool:
        """Whether the checkpoint decides something as it is."""
        return decides(model.removeprefix(PREFIX), at_token=at_token)

    @classmethod
    def decision_of(cls, model: str) -> str:
        """The decision that the checkpoint's head was trained for."""
        return decision_of(model.removeprefix(PREFIX))

    @classmethod
    def source_of(cls, model: str) -> CheckpointSource:
        """The checkpoint: its short name, and the hash of its content.

        Raises:
            InputError: it cannot be had.
        """
        reference = model.removeprefix(PREFIX)
        return CheckpointSource(short_name(reference), content_hash(locate(reference)))

    @property
    def attention(self) -> AttentionSettings:
        """What of its attention is erased."""
        attention = self.configuration.settings.attention
        assert attention is not None, "a run of a Hugging Face model is made with attention settings"
        return attention

    @cached_property
    def source(self) -> Checkpoint:
        """The checkpoint that the run begins with.

        Raises:
            InputError: it cannot be loaded, or has changed since the run was made.
        """
        reference = self.configuration.settings.model.removeprefix(PREFIX)
        expected = self.configuration.checkpoint
        if expected is None or content_hash(locate(reference)) != expected.content:
            raise InputError(f"{reference} has changed since {self.folder.config} was made.")
        return load_checkpoint(reference)

    @cached_property
    def tested(self) -> tuple[Checkpoint, str]:
        """The checkpoint to test, fine-tuned where the run does that, and its content hash.

        Raises:
            InputError: there is none yet, or it is corrupt or foreign.
        """
        if self.trained:
            self.require_trained()
            home = self.configuration if self._home is self.folder else self._home.read_configuration()
            return load_finetuned(self.saved, home.fingerprint)
        return self.source, content_hash(self.source.folder)

    def checkpoint_with_tokenizer(self) -> tuple[Checkpoint, str]:
        """The checkpoint that is tested, and its content hash."""
        return self.tested

    def document_of(self, text: str, second: str | None = None) -> Documents:
        """See :meth:`Subject.document_of`; of two texts the tokenizer makes one."""
        if second is None:
            return super().document_of(text)
        checkpoint = self.tested[0]
        assert checkpoint.tokenizer is not None
        return documents_of_texts([(text, second)], checkpoint.tokenizer)

    def encode(self, documents: Documents) -> EncodedPieces:
        """Documents as pieces; those without any raise a DocumentError."""
        return self._encoded(documents, special_items=self.special_items)

    def encode_for_training(self, documents: Documents) -> EncodedPieces:
        """The same without documents of which the tokenizer makes nothing."""
        return self._encoded(documents, leave_out=True)

    def _encoded(self, documents: Documents, **settings: bool) -> EncodedPieces:
        checkpoint = self.tested[0] if self.saved.exists() else self.source
        assert checkpoint.tokenizer is not None
        longest = longest_sequence(checkpoint.model, checkpoint.tokenizer)
        if self.attention.pairs_at is not None:
            documents = paired(documents, self.attention.pairs_at)
        text, behind = self.configuration.settings.continuation, None
        if text is not None and not checkpoint.model.config.is_encoder_decoder:
            behind = appended_tokens(checkpoint.model, checkpoint.tokenizer, text)
        asked: dict[str, Any] = {"at": self.attention.at, "behind": behind, **settings}
        return encode_documents(documents, checkpoint.tokenizer, longest, self.attention.unit, **asked)

    def new_model(self) -> PieceClassifier:
        """The checkpoint as a classifier of the dataset's labels, its head new.

        Raises:
            InputError: it was to decide about tokens, which such a classifier does not.
        """
        settings = self.configuration.settings
        for name, given in (("at", self.attention.at), ("continuation", settings.continuation)):
            if given is not None:
                raise InputError(f"{name} is for checkpoints that are tested as they are, and not trained.")
        model = load_classifier(self.source, self.dataset.labels, self.configuration.settings.seed)
        return PieceClassifier(model).to(self.device)

    def make_maskable(self, model: PieceClassifier) -> None:
        """Attach to it as it is tested: what cannot be erased there cannot be erased while it is trained."""
        self.training_meaning.require_nothing_stands_in("transformers that are trained")
        assert self.source.tokenizer is not None
        probe = CheckpointProbe(model.model, self.source.tokenizer, self.attention, self.training_meaning)
        model.masked = probe.masked_logits

    def begin(self, model: PieceClassifier) -> None:
        """Nothing: the tokenizer is kept with the model."""

    def save(self, model: PieceClassifier) -> None:
        """A folder that transformers loads."""
        save_finetuned(self.saved, model, self.source, self.configuration.fingerprint)

    def check(self) -> None:
        """Load it."""
        assert self.tested

    def load(self) -> Tested[PieceBatch]:
        """The fine-tuned model, or the checkpoint as it is, attached to and verified."""
        checkpoint, digest = self.tested
        assert checkpoint.tokenizer is not None
        model = checkpoint.model.to(self.device)
        probe = CheckpointProbe(
            model,
            checkpoint.tokenizer,
            self.attention,
            self.meaning,
            special_items=self.special_items,
            targets=self.configuration.settings.targets,
        )
        notes = {
            "engine": probe.attention.engine,
            SELECTED: probe.attention.selection,
            "special_tokens": {"items": self.special_items},
        }
        if self.attention.label_words:
            notes["label_texts"] = label_texts(checkpoint.tokenizer, self.attention.label_words)
        if probe.continuation:
            notes["continuation"] = probe.continuation_texts
        return Tested(probe, digest, notes, None if self.trained else probe.class_names, probe.decides_tokens)


_SHOWN = 60
"""Characters of a text that is refused."""


def paired(documents: Documents, mark: str) -> Documents:
    """Documents whose texts are pairs, of what stands before a mark and behind it; those that are pairs stay.

    Raises:
        InputError: it does not stand in a text, or nothing stands on one side of it.
    """
    pairs = [text if isinstance(text, TextPair) else TextPair.at_mark(text, mark) for text in documents.texts]
    for row, pair in enumerate(pairs):
        if pair is None:
            start = documents.texts[row][:_SHOWN]
            raise InputError(f"There is no pair in the text that begins with {start!r}: {mark!r} is not between two.")
    return dataclasses.replace(documents, texts=[pair for pair in pairs if pair is not None])
