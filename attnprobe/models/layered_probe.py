"""What probes of models with attention in several layers and heads have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
from torch import Tensor

from attnprobe.data.batches import B, EncodedSplit
from attnprobe.engines.attention_erasures import AttentionErasures
from attnprobe.engines.attention_maps import AttentionMap, read_maps
from attnprobe.engines.attention_probe import AttentionProbe
from attnprobe.engines.head_map import Drawn
from attnprobe.engines.head_readings import HeadReadings
from attnprobe.engines.item_columns import ItemColumns
from attnprobe.engines.items import Items
from attnprobe.erasure.erasable import FirstItems
from attnprobe.erasure.masking import Masking
from attnprobe.explanations.item_parts import ItemParts
from attnprobe.models.probe import Probe
from attnprobe.settings.attention import AttentionSettings

MaskedRun = Callable[[B, Masking], Tensor]
"""Runs a model on a batch with attention erased: logits (documents, classes), differentiable."""


def no_masking(batch: object, masking: Masking) -> Tensor:
    """What runs a model with attention erased that nothing has been attached to."""
    raise AssertionError("the model has not been made ready for erasing while it is trained")


class LayeredProbe(Probe[B]):
    """Joins a model with attention in several layers and heads to the erasure tests.

    Attributes:
        settings: what is erased.
        attention: the model, attached to.
    """

    settings: AttentionSettings
    attention: AttentionProbe

    @abstractmethod
    def _ready(self, batch: B) -> tuple[dict[str, Any], Items]:
        """What the model takes of a batch, and what an item is of it, a sink among them."""

    @abstractmethod
    def _every_item_part(self, encoded: EncodedSplit[B]) -> ItemParts:
        """As :meth:`item_parts`, a sink among the items."""

    @abstractmethod
    def _every_item_text(self, encoded: EncodedSplit[B], chosen: npt.NDArray[np.bool_]) -> ItemColumns:
        """As :meth:`item_texts`, a sink among the items."""

    def ready_to_erase(self, batch: B) -> tuple[dict[str, Any], Items]:
        """What the model takes of a batch, and what an item is of it, a sink that is none left out."""
        inputs, items = self._ready(batch)
        return inputs, items.without_first() if self.leaves_out_first else items

    def item_parts(self, encoded: EncodedSplit[B]) -> ItemParts:
        """Of the text or special tokens; see :meth:`Probe.item_parts`."""
        parts = self._every_item_part(encoded)
        return parts.without_first() if self.leaves_out_first else parts

    def item_texts(self, encoded: EncodedSplit[B], chosen: npt.NDArray[np.bool_]) -> ItemColumns:
        """The texts of the chosen documents' items, in order."""
        texts = self._every_item_text(encoded, chosen)
        return texts.without_first(self._every_item_part(encoded).sizes[chosen]) if self.leaves_out_first else texts

    @property
    def class_count(self) -> int:
        """How many logits a document has."""
        return self.attention.attachment.classes

    @property
    def unit(self) -> str:
        """What an item is: ``word`` or ``token``."""
        return self.settings.unit

    def erasures(self, batch: B, seeds: Tensor | None = None) -> AttentionErasures:
        """A batch ready for erasures; see :meth:`Probe.erasures`."""
        return self.attention.erasures(*self.ready_to_erase(batch), seeds, self.others, self.training)

    def first_items(self, batch: B) -> FirstItems:
        """What the first items of a batch hold; see :meth:`Probe.first_items`."""
        return self.erasures(batch).first_items()

    def training_vectors(self, batch: B) -> dict[str, Tensor]:
        """What selected heads give of a batch of training documents; see :meth:`AttentionProbe.training_vectors`."""
        return self.attention.training_vectors(self._ready(batch)[0])

    def masked_logits(self, batch: B, masking: Masking) -> Tensor:
        """Logits (documents, classes) of the model as it is, in training or not, with attention erased."""
        return self.attention.masked_logits(*self._ready(batch), masking)

    def heads_read(self, layers: str, heads: str) -> int:
        """How many heads :meth:`readings` reads."""
        return self.attention.heads_read(layers, heads)

    def readings(self, batch: B, layers: str, heads: str, seeds: Tensor) -> Iterator[HeadReadings]:
        """What heads average; see :meth:`Probe.readings`."""
        return self.attention.readings(self._ready(batch)[0], layers, heads, seeds)

    @property
    def head_map_documents(self) -> int:
        """Of how many documents single heads are tested, at most: by divergences, which a number has none of."""
        return self.settings.head_map_documents if self.meaning.has_probability else 0

    @property
    def documents_with_maps(self) -> int:
        """As many as single heads are tested of."""
        return self.settings.head_map_documents

    def bytes_of_maps(self, tokens: int) -> int:
        """Layers × heads × tokens²; of a decoder that reads fewer tokens it is less."""
        return sum(site.heads for site in self.attention.attachment.sites.attention) * tokens**2

    def maps(self, batch: B) -> Iterator[AttentionMap]:
        """All attention of a batch, nothing erased, layer by layer."""
        return read_maps(self.attention.attachment, self._ready(batch)[0])

    def tokens_seen(self, encoded: EncodedSplit[B], row: int, device: torch.device) -> dict[str, list[tuple[str, int]]]:
        """What a document's attention is between; see :meth:`Probe.tokens_seen`."""
        inputs, items = self.ready_to_erase(encoded.batch(np.array([row])).to(device))
        source = list(zip(self._token_texts(encoded, row), items.of_token[0].tolist(), strict=True))
        target = [(text, -1) for text in self._target_texts(inputs)]
        return {"source": source} | ({"target": target} if target else {})

    @abstractmethod
    def _token_texts(self, encoded: EncodedSplit[B], row: int) -> list[str]:
        """The texts of a document's tokens (tokens,)."""

    def _target_texts(self, inputs: dict[str, Any]) -> list[str]:
        """The texts of what the model's decoder reads of one document, where it reads tokens of its own."""
        return []

    @property
    def head_map(self) -> str:
        """How single heads are tested."""
        return self.settings.head_map

    def rows_of_map(self, lengths: npt.NDArray[np.integer], order: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Rows of the documents of a sample that single heads are tested on."""
        return self.attention.rows_of_map(lengths, order)

    def map_of_heads(self, drawn: Drawn[B], device: torch.device) -> pa.Table:
        """One row a document × attention head."""
        limits = (self.batch_documents, self.batch_tokens)
        return self.attention.map_of_heads(drawn, self.ready_to_erase, limits, device, self.training)
