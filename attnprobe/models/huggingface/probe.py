"""The probe of Hugging Face checkpoints."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from attnprobe.attention.decisions import attach_to_decision
from attnprobe.attention.examples import example_inputs
from attnprobe.attention.model_call import READ_AT, ModelCall
from attnprobe.attention.sites import DECODER
from attnprobe.data.batches import EncodedSplit
from attnprobe.engines.attention_probe import AttentionProbe
from attnprobe.engines.item_columns import ItemColumns
from attnprobe.engines.items import Items
from attnprobe.erasure.meaning import BY_DEFAULT, Meaning
from attnprobe.explanations.item_parts import ItemParts
from attnprobe.models.huggingface.decided_tokens import require_token_logits
from attnprobe.models.huggingface.following_tokens import (
    answer_with,
    appended_tokens,
    continuation_tokens,
    require_room,
)
from attnprobe.models.huggingface.label_words import label_token, label_tokens
from attnprobe.models.huggingface.pieces import EncodedPieces, PieceBatch
from attnprobe.models.huggingface.sequences import longest_sequence, model_inputs
from attnprobe.models.layered_probe import LayeredProbe
from attnprobe.models.named_classes import number_of_class
from attnprobe.settings.attention import AttentionSettings
from attnprobe.settings.unfit import Named, SettingError

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


class CheckpointProbe(LayeredProbe[PieceBatch]):
    """Attaches to a model, verifies that its attention can be erased, and does so.

    Args:
        model: a sequence classifier or a language model; or what gives logits for every token, where it is told at
            which it decides.
        tokenizer: its own.
        settings: what is erased.
        meaning: what is meant by erased, and by decided.
        special_items: whether special tokens are items; else they are never erased.
        targets: classes, tokens or label words that are followed beside the decision.

    Raises:
        RefusedError: attention cannot be erased, or not provably, or what is selected has no influence.
        SettingError: there are no such layers, heads, rows or label words.
    """

    batch_documents, batch_tokens = 64, 8192

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        settings: AttentionSettings,
        meaning: Meaning = BY_DEFAULT,
        *,
        special_items: bool = True,
        targets: Sequence[str] = (),
    ) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.settings = settings
        self.continuation = continuation_tokens(tokenizer, meaning.options.continuation)
        self.meaning = meaning = self._resolved(meaning, targets)
        words = label_tokens(tokenizer, settings.label_words).to(model.device) if settings.label_words else None
        if words is not None and hasattr(model, "classifier"):
            sentence = "{}: the model is a classifier, which decides between its own labels."
            raise SettingError(settings.section, sentence, Named("label_words"))
        require_token_logits(settings.at, encoder_decoder=getattr(model.config, "is_encoder_decoder", False))
        if self.continuation and model.get_output_embeddings() is None:
            raise SettingError("", "{}: the model is a classifier, which says no tokens.", Named("continuation"))
        if not getattr(model.config, "is_encoder_decoder", False):
            require_room(self.continuation, longest_sequence(model, tokenizer))
        examples = example_inputs(model, at_tokens=settings.at is not None, continued=len(self.continuation))
        following = torch.tensor(self.continuation, device=model.device) if self.continuation else None
        attachment = attach_to_decision(ModelCall(model, words, following), examples, meaning)
        leaves_out = not special_items or bool(appended_tokens(model, tokenizer, meaning.options.continuation))
        self.attention = AttentionProbe(attachment, settings, examples, meaning, leaves_out=leaves_out)
        if self.attention.selected[0].site.stack == DECODER:
            sentence = "{} decoder:…: items are the text's tokens; erase in the encoder, or in cross:…"
            raise SettingError(settings.section, sentence, Named("layers"))

    def _resolved(self, meaning: Meaning, targets: Sequence[str]) -> Meaning:
        """The same with the numbers of the class that the decision is about, and of those that are followed beside."""
        followed = tuple(self.number_of(name, "targets") for name in targets) or tuple(range(len(self.continuation)))
        name, options = meaning.options.given_class, meaning.options
        if name is not None:
            options = options._replace(number=self.number_of(name))
        return dataclasses.replace(meaning, options=options, targets=followed)

    def number_of(self, name: str, setting: str = "given_class") -> int:
        """Which of the logits a class, label word or token of this name is.

        Raises:
            SettingError: none is, by the setting that named it.
        """
        if self.decides_tokens:
            return label_token(self.tokenizer, name, "", setting)
        count = len(self.settings.label_words) or len(self.model.config.id2label)
        return number_of_class(name, self.class_names(np.arange(count)), setting)

    @property
    def continuation_texts(self) -> list[str]:
        """The continuation's tokens, as they are read, where there is one."""
        return [self.tokenizer.decode([token]) for token in self.continuation]

    @property
    def decides_tokens(self) -> bool:
        """Whether any token of the vocabulary may be decided for: no classifier, and no label words."""
        if self.continuation:
            return False
        of_labels = hasattr(self.model, "num_labels") and self.model.get_output_embeddings() is None
        return not self.settings.label_words and not of_labels

    def class_names(self, numbers: npt.NDArray[np.integer]) -> list[str]:
        """What the classes of these numbers are called: label words, a classifier's own labels, or tokens."""
        if self.settings.label_words:
            return [self.settings.label_words[number] for number in numbers]
        if self.continuation:
            return [str(number) for number in numbers]
        if not self.decides_tokens:
            return [str(self.model.config.id2label.get(int(number), number)) for number in numbers]
        tokens = self.tokenizer.convert_ids_to_tokens(numbers.tolist())
        return [str(number) if token is None else token for number, token in zip(numbers, tokens, strict=True)]

    def token_inputs(self, batch: PieceBatch) -> dict[str, Tensor]:
        """What the model takes of a batch, a number or mark for each token."""
        return model_inputs(self.model, batch)

    def deciding_inputs(self, batch: PieceBatch) -> dict[str, Any]:
        """All that the model takes of a batch to decide: a language model of two stacks begins its answer."""
        inputs: dict[str, Any] = model_inputs(self.model, batch)
        if batch.read is not None:
            inputs[READ_AT] = batch.read
        if getattr(self.model.config, "is_encoder_decoder", False):
            if self.model.get_output_embeddings() is not None:  # a language model answers with its first token
                start = getattr(self.model.config, "decoder_start_token_id", None) or 0
                inputs["decoder_input_ids"] = torch.full_like(batch.input_ids[:, :1], start)
                if self.continuation:
                    inputs["decoder_input_ids"] = answer_with(start, self.continuation, batch.input_ids)
                    inputs[READ_AT] = torch.ones_like(inputs["decoder_input_ids"], dtype=torch.bool)
        elif "use_cache" in inspect.signature(self.model.forward).parameters:
            inputs["use_cache"] = False
        return inputs

    def _every_item_part(self, encoded: EncodedSplit[PieceBatch]) -> ItemParts:
        """Pieces; see :meth:`Probe.item_parts`."""
        assert isinstance(encoded, EncodedPieces)
        return encoded.item_parts()

    def _every_item_text(self, encoded: EncodedSplit[PieceBatch], chosen: npt.NDArray[np.bool_]) -> ItemColumns:
        """The texts of the chosen documents' items, in order: words, or pieces."""
        assert isinstance(encoded, EncodedPieces)
        texts = [text for document in np.flatnonzero(chosen).tolist() for text in encoded.texts_of(document)]
        return ItemColumns.of_strings([text.token for text in texts], [text.before for text in texts])

    def _token_texts(self, encoded: EncodedSplit[PieceBatch], row: int) -> list[str]:
        assert isinstance(encoded, EncodedPieces)
        return [text.token for text in encoded.texts_of_pieces(row)]

    def _target_texts(self, inputs: dict[str, Any]) -> list[str]:
        read = inputs.get("decoder_input_ids")
        return [] if read is None else [str(text) for text in self.tokenizer.convert_ids_to_tokens(read[0].tolist())]

    def _ready(self, batch: PieceBatch) -> tuple[dict[str, Any], Items]:
        return self.deciding_inputs(batch), Items.of(batch.units)
