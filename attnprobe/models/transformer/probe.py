"""The probe of transformer encoders that are trained here: every word is an item, and mostly the first token too."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
from torch import Tensor

from attnprobe.attention.decisions import attach_to_decision
from attnprobe.attention.model_call import ModelCall
from attnprobe.base.errors import InputError
from attnprobe.data.batches import Batch, EncodedSplit
from attnprobe.engines.attention_probe import AttentionProbe
from attnprobe.engines.item_columns import ItemColumns
from attnprobe.engines.items import Items
from attnprobe.erasure.meaning import BY_DEFAULT, Meaning
from attnprobe.explanations.item_parts import ItemParts
from attnprobe.models.layered_probe import LayeredProbe
from attnprobe.models.transformer.network import FIRST_TOKEN, TransformerClassifier
from attnprobe.settings.attention import AttentionSettings
from attnprobe.settings.transformer import MASK

_LENGTHS = (11, 9, 11, 7, 10)
"""Of the documents that a model is tried on: numbers that hardly any model has for a size of its own."""


class TransformerProbe(LayeredProbe[Batch]):
    """Attaches to a trained encoder, verifies that its attention can be erased, and does so.

    Args:
        model: put into evaluation mode.
        settings: what is erased.
        meaning: what is meant by erased, and by decided.
        special_items: whether the first token is an item; else it is never erased.

    Raises:
        RefusedError: what is selected has no influence.
        InputError: there are no such layers, heads or rows; or attention depends on who shares a batch.
    """

    batch_documents, batch_tokens = 64, 8192

    def __init__(
        self,
        model: TransformerClassifier,
        settings: AttentionSettings,
        meaning: Meaning = BY_DEFAULT,
        *,
        special_items: bool = True,
    ) -> None:
        if MASK in model.options.as_released:
            raise InputError(
                f"as_released {MASK}: a document's attention depends on the others in its batch, so that erasing in it "
                "means nothing; such a model can be trained, but not tested."
            )
        self.model = model.eval()
        self.settings, self.meaning, self.special_items = settings, meaning, special_items
        examples = example_inputs(model)
        attachment = attach_to_decision(ModelCall(model.encoder), examples)
        self.attention = AttentionProbe(attachment, settings, examples, meaning, leaves_out=not special_items)

    def token_inputs(self, batch: Batch) -> dict[str, Tensor]:
        """What the model takes of a batch, a number or mark for each token."""
        return self.model.inputs(batch)

    def _every_item_part(self, encoded: EncodedSplit[Batch]) -> ItemParts:
        """The first token, which is of no text, if it is an item, then words; see :meth:`Probe.item_parts`."""
        documents = encoded.documents
        lengths = documents.words_per_document
        if not self.special_items:
            return ItemParts.of_items(lengths, documents.word_starts, documents.word_ends, documents.texts)
        first = np.cumsum(lengths) - lengths
        starts, ends = (np.insert(each, first, -1) for each in (documents.word_starts, documents.word_ends))
        return ItemParts.of_items(lengths + 1, starts, ends, documents.texts)

    def _every_item_text(self, encoded: EncodedSplit[Batch], chosen: npt.NDArray[np.bool_]) -> ItemColumns:
        """The texts of the chosen documents' items, in order: the first token, if it is one, then words."""
        documents = encoded.documents.take(np.flatnonzero(chosen))
        types, lengths = documents.types, documents.words_per_document
        first = (np.cumsum(lengths) - lengths)[: None if self.special_items else 0]
        items = np.insert(documents.words, first, len(types))
        token = pa.DictionaryArray.from_arrays(items.astype(np.int32), pa.array([*types, FIRST_TOKEN], pa.string()))
        of_none = [None] * self.special_items
        between = [gap for row in range(len(documents)) for gap in (*of_none, *documents.between_words(row))]
        return ItemColumns(token, pa.array(between, pa.string()).dictionary_encode())

    def _token_texts(self, encoded: EncodedSplit[Batch], row: int) -> list[str]:
        documents = encoded.documents.take(np.array([row]))
        return [FIRST_TOKEN, *(documents.types[word] for word in documents.words.tolist())]

    def _ready(self, batch: Batch) -> tuple[dict[str, Tensor], Items]:
        inputs = self.model.inputs(batch)
        mask = inputs["attention_mask"]
        if self.special_items:
            return inputs, Items.single_tokens(mask)
        places = torch.arange(mask.shape[1], device=mask.device).expand_as(mask)
        return inputs, Items.of((places - 1).masked_fill(~mask, -1))


def example_inputs(model: TransformerClassifier, *, seed: int = 0) -> dict[str, Tensor]:
    """A padded batch of random words to try the encoder on, on its device."""
    lengths = torch.tensor(_LENGTHS)
    mask = torch.arange(max(_LENGTHS)) < lengths[:, None]
    generator = torch.Generator().manual_seed(seed)
    words = torch.randint(1, model.first_token, mask.shape, generator=generator).masked_fill(~mask, 0)
    words[:, 0] = model.first_token
    device = next(model.parameters()).device
    return {"input_ids": words.to(device), "attention_mask": mask.to(device)}
