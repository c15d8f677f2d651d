"""What every probe is: it makes a batch of documents ready for erasures."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Generic

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
from torch import Tensor, nn

from attnprobe.base.errors import InputError
from attnprobe.data.batches import B, EncodedSplit
from attnprobe.engines.attention_maps import AttentionMap
from attnprobe.engines.head_map import Drawn
from attnprobe.engines.head_readings import HeadReadings
from attnprobe.engines.item_columns import ItemColumns
from attnprobe.erasure.erasable import Erasures, FirstItems
from attnprobe.erasure.masking import Masking
from attnprobe.erasure.meaning import BY_DEFAULT, Meaning
from attnprobe.erasure.stand_ins import TrainingVectors
from attnprobe.explanations.item_parts import ItemParts
from attnprobe.settings.attention import QUICK


class Probe(ABC, Generic[B]):
    """Joins a model to the erasure tests.

    Attributes:
        batch_documents: at most so many documents are read at once.
        batch_tokens: at most so many tokens, padding included.
        meaning: what is meant by erased, and by decided.
        others: what else is meant by erased, of the same decision: measured beside it.
        training: by attention what it gives of training documents, where some way of erasing needs that.
        leaves_out_first: whether the first item of a document that has others is none, because it is a sink.
    """

    batch_documents: int
    batch_tokens: int
    meaning: Meaning = BY_DEFAULT
    others: Sequence[Meaning] = ()
    training: Mapping[str, TrainingVectors] = MappingProxyType({})
    leaves_out_first: bool = False

    @property
    @abstractmethod
    def unit(self) -> str:
        """What an item is: ``word``, ``sentence`` or ``token``."""

    @property
    @abstractmethod
    def class_count(self) -> int:
        """How many logits a document has."""

    @abstractmethod
    def erasures(self, batch: B, seeds: Tensor | None = None) -> Erasures:
        """A batch ready for erasures.

        Args:
            batch: the documents.
            seeds: one integer a document (batch,), for what is drawn of it to stand in for what is erased.
        """

    def first_items(self, batch: B) -> FirstItems:
        """What the first items of a batch hold of the attention, and what erasing them alone does.

        Raises:
            InputError: such a model has no sinks.
        """
        raise InputError(f"No sink of attention is known of {type(self).__name__}.")

    def training_vectors(self, batch: B) -> Mapping[str, Tensor]:
        """By attention what it gives of a batch of training documents (documents, …, dim).

        Raises:
            InputError: it is not known of such a model.
        """
        raise InputError(f"What attention gives of training documents is not known of {type(self).__name__}.")

    @property
    def has_closed_curves(self) -> bool:
        """Whether the decision's score along whole orderings has a closed form; elsewhere every prefix is erased."""
        return False

    @property
    def head_map_documents(self) -> int:
        """Of how many documents single attention heads are tested, at most; 0 where there is only one head."""
        return 0

    @property
    def head_map(self) -> str:
        """How single heads are tested, one of ``HEAD_MAPS``."""
        return QUICK

    def rows_of_map(self, lengths: npt.NDArray[np.integer], order: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Rows of the documents of a sample that single heads are tested on; see ``head_map.rows_of_map``."""
        raise NotImplementedError(f"{type(self).__name__} has one head")

    def map_of_heads(self, drawn: Drawn[B], device: torch.device) -> pa.Table:
        """One row a document × attention head.

        Args:
            drawn: a sample of documents, of which the first are taken.
            device: where the model is.
        """
        raise NotImplementedError(f"{type(self).__name__} has one head")

    @property
    def documents_with_maps(self) -> int:
        """Of how many documents all attention is kept to be looked at, at most; 0 where there is only one head."""
        return 0

    def bytes_of_maps(self, tokens: int) -> int:
        """How many weights all attention of a document of so many tokens has, at most."""
        raise NotImplementedError(f"{type(self).__name__} has one head")

    def maps(self, batch: B) -> Iterator[AttentionMap]:
        """All attention of a batch, nothing erased, layer by layer."""
        raise NotImplementedError(f"{type(self).__name__} has one head")

    def tokens_seen(self, encoded: EncodedSplit[B], row: int, device: torch.device) -> dict[str, list[tuple[str, int]]]:
        """What a document's attention is between: by side (``source``, ``target``) each token's text and its item.

        ``source`` are the tokens of the text, ``target`` those of a decoder that reads tokens of its own; the item is
        −1 of tokens in none.
        """
        raise NotImplementedError(f"{type(self).__name__} has one head")

    @property
    def readout(self) -> nn.Linear | None:
        """The affine rest of the model behind its one attention; None where there is more than that behind it."""
        return None

    def states(self, batch: B, masking: Masking | None = None) -> Tensor:
        """What the one attention in front of an affine readout pools (documents, dim), float64.

        Args:
            batch: the documents.
            masking: what of the attention is erased; nothing without it.
        """
        raise NotImplementedError(f"{type(self).__name__} has no affine readout of pooled vectors")

    def heads_read(self, layers: str, heads: str) -> int:
        """How many attention heads :meth:`readings` reads, in all layers together.

        Raises:
            InputError: there are no such layers or heads, or the model's values cannot be seen.
        """
        raise InputError(f"The values that attention averages are not known of {type(self).__name__}.")

    def readings(self, batch: B, layers: str, heads: str, seeds: Tensor) -> Iterator[HeadReadings]:
        """Weights and values of attention heads, layer by layer.

        Args:
            batch: the documents.
            layers: as in ``AttentionSettings``.
            heads: as in ``AttentionSettings``.
            seeds: one integer a document (batch,), for what is drawn of it.

        Raises:
            InputError: there are no such layers or heads, or the model's values cannot be seen.
        """
        raise InputError(f"The values that attention averages are not known of {type(self).__name__}.")

    def item_parts(self, encoded: EncodedSplit[B]) -> ItemParts:
        """What the documents' items are made of, and where that stands in their texts.

        Raises:
            InputError: it is not known.
        """
        raise InputError(f"Where the items of {type(self).__name__} stand in texts is not known.")

    @abstractmethod
    def item_texts(self, encoded: EncodedSplit[B], chosen: npt.NDArray[np.bool_]) -> ItemColumns:
        """The texts of the chosen documents' items, in order."""
