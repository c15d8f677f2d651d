"""The probe of attention-pooled classifiers, whose readout is affine: HAN and FLAN."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
from torch import Tensor, nn

from attnprobe.attention.selection import indices
from attnprobe.data.batches import Batch, EncodedSplit
from attnprobe.engines.head_readings import HeadReadings
from attnprobe.engines.item_columns import ItemColumns
from attnprobe.erasure.contributions import Contributions
from attnprobe.erasure.erasable import (
    Erasures,
    InputEffects,
    OtherErasures,
    StandIn,
)
from attnprobe.erasure.masking import Masking
from attnprobe.erasure.meaning import BY_DEFAULT, Meaning
from attnprobe.erasure.orderings import softmax_of_scores
from attnprobe.erasure.other_ways import OneByOne
from attnprobe.erasure.stand_ins import RowsOfAttention
from attnprobe.explanations.item_parts import ItemParts
from attnprobe.models.pooled.attention import pool
from attnprobe.models.pooled.classifier import PooledClassifier
from attnprobe.models.pooled.closed_forms import PooledErasures, ReplacedErasures, ReplacedOtherwise
from attnprobe.models.pooled.input_effects import input_effects
from attnprobe.models.pooled.stepwise import PooledSets, StepwiseErasures
from attnprobe.models.probe import Probe
from attnprobe.settings.attention import WORD
from attnprobe.training import EVALUATION_DOCUMENTS, EVALUATION_TOKENS

POOLING = "pooling"
"""The stack of an attention that pools a document."""


class Reading(NamedTuple):
    """What a model's tested attention saw: values (batch, items, dim), scores and mask (batch, items)."""

    values: Tensor
    scores: Tensor
    mask: Tensor


class PooledProbe(Probe[Batch]):
    """Reads the tested attention of a model; puts the model into evaluation mode."""

    batch_documents, batch_tokens = EVALUATION_DOCUMENTS, EVALUATION_TOKENS

    def __init__(self, model: PooledClassifier, meaning: Meaning = BY_DEFAULT) -> None:
        self.model = model.eval()
        self.meaning = meaning

    @property
    def readout(self) -> nn.Linear:
        """The affine part of the model behind the attention."""
        return self.model.head

    @property
    def has_closed_curves(self) -> bool:
        """Whether a decision is a class, and what remains of a row keeps its weights or is renormalised."""
        return _is_closed(self.meaning)

    @property
    def class_count(self) -> int:
        """How many logits a document has."""
        return self.readout.out_features

    @property
    def unit(self) -> str:
        """What an item is: ``word`` or ``sentence``."""
        return self.model.unit

    @torch.no_grad()
    def read(self, batch: Batch) -> Reading:
        """Values, attention scores and mask of a batch; costs one forward pass."""
        values, mask = self.model.items(batch)
        return Reading(values, self.model.attention.scores(values, mask, batch), mask)

    def erasures(self, batch: Batch, seeds: Tensor | None = None) -> Erasures:
        """A batch ready for erasures, by closed forms where there are any; see :meth:`Probe.erasures`."""
        reading = self.read(batch)
        drawn = torch.zeros_like(batch.rows) if seeds is None else seeds
        rows = RowsOfAttention(reading.values, reading.mask[:, None], drawn, self.training.get(POOLING))
        of_inputs = partial(self._input_effects, batch) if self.unit == WORD else None
        (stand_in,) = self._logits_standing_in(self.meaning, rows)
        otherwise = partial(self._otherwise, reading, rows) if self.others else None
        if self.meaning == BY_DEFAULT:
            return PooledErasures(*reading, self.readout, of_inputs, otherwise)
        if _is_closed(self.meaning):
            return ReplacedErasures(*reading, self.readout, stand_in, of_inputs, otherwise)
        return StepwiseErasures(*reading, self.readout, self.meaning, stand_in, otherwise)

    def sets(self, batch: Batch, seeds: Tensor) -> PooledSets:
        """A batch in which any sets of items can be erased, one by one; arguments as of :meth:`erasures`."""
        reading = self.read(batch)
        rows = RowsOfAttention(reading.values, reading.mask[:, None], seeds, self.training.get(POOLING))
        return PooledSets(*reading, self.readout, self.meaning, self._logits_standing_in(self.meaning, rows)[0])

    def _otherwise(
        self, reading: Reading, rows: RowsOfAttention, contributions: Contributions | None = None
    ) -> Sequence[OtherErasures]:
        """A batch, erased in every further way: those that add up together, the others one by one."""
        closed, others = dict[StandIn, Tensor](), dict[StandIn, Erasures]()
        for meaning in self.others:
            for draw, stand_in in enumerate(self._logits_standing_in(meaning, rows)):
                key = StandIn(meaning.erase_by, draw)
                if meaning.renormalises and meaning.decides_classes:
                    others[key] = PooledErasures(*reading, self.readout)
                elif _is_closed(meaning):
                    closed[key] = stand_in
                else:
                    others[key] = StepwiseErasures(*reading, self.readout, meaning, stand_in)
        found: list[OtherErasures] = [OneByOne(others)] if others else []
        if closed:
            if contributions is None:
                contributions = Contributions(reading.values, None, reading.mask, self.readout, scores=reading.scores)
            found.append(ReplacedOtherwise(contributions, closed))
        return found

    def _logits_standing_in(self, meaning: Meaning, rows: RowsOfAttention) -> Tensor:
        """The logits of what takes the mass that is lost, bias included (draws, batch, classes), float64."""
        weight, bias = self.readout.weight.detach().double(), self.readout.bias.detach().double()
        vectors = meaning.stand_ins(rows)
        if vectors is None:
            return bias.expand(1, len(rows.values), -1)
        return vectors.squeeze(-2).double() @ weight.T + bias

    @torch.no_grad()
    def training_vectors(self, batch: Batch) -> Mapping[str, Tensor]:
        """The pooled vectors of a batch (documents, dim)."""
        values, scores, mask = self.read(batch)
        weights = softmax_of_scores(scores, mask).to(values.dtype)
        return {POOLING: (weights[:, None] @ values).squeeze(1)}

    def _input_effects(self, batch: Batch, documents: Tensor) -> InputEffects:
        return input_effects(self.model, batch, documents)

    @torch.no_grad()
    def states(self, batch: Batch, masking: Masking | None = None) -> Tensor:
        """What the attention pools; see :meth:`Probe.states`."""
        values, scores, mask = self.read(batch)
        values, weights = values.double().masked_fill(~mask[..., None], 0.0), softmax_of_scores(scores, mask)
        if masking is None:
            return pool(weights, values)
        edited = masking.edited(weights, mask, scores.double())
        stood_in = masking.stood_in(weights, edited, values, mask)
        return pool(edited, values) + (0.0 if stood_in is None else stood_in)

    def heads_read(self, layers: str, heads: str) -> int:
        """One."""
        indices("layers", layers, 1), indices("heads", heads, 1)
        return 1

    def readings(self, batch: Batch, layers: str, heads: str, seeds: Tensor) -> Iterator[HeadReadings]:
        """The one attention, which pools a document's items; see :meth:`Probe.readings`."""
        indices("layers", layers, 1), indices("heads", heads, 1)
        values, scores, mask = self.read(batch)
        yield HeadReadings(
            stack=POOLING,
            layer=0,
            heads=(0,),
            row=torch.full_like(batch.rows, -1),
            weights=softmax_of_scores(scores, mask)[:, None],
            values=values[:, None],
            mask=mask[:, None],
            key_width=None,
        )

    def item_parts(self, encoded: EncodedSplit[Batch]) -> ItemParts:
        """Words, or sentences from their first word to their last; see :meth:`Probe.item_parts`."""
        documents = encoded.documents
        starts, ends = documents.word_starts, documents.word_ends
        if self.unit == WORD:
            return ItemParts.of_items(documents.words_per_document, starts, ends, documents.texts)
        first, behind = documents.word_offsets[:-1], documents.word_offsets[1:]
        sizes = documents.sentences_per_document.astype(np.int64)
        return ItemParts.of_items(sizes, starts[first], ends[behind - 1], documents.texts)

    def item_texts(self, encoded: EncodedSplit[Batch], chosen: npt.NDArray[np.bool_]) -> ItemColumns:
        """The texts of the chosen documents' items, in order: words, or whole sentences."""
        documents = encoded.documents.take(np.flatnonzero(chosen))
        rows = range(len(documents))
        if self.unit == WORD:
            words = pa.DictionaryArray.from_arrays(documents.words, pa.array(documents.types, pa.string()))
            between = [gap for document in rows for gap in documents.between_words(document)]
            return ItemColumns(words, pa.array(between, pa.string()).dictionary_encode())
        sentences = [sentence for document in rows for sentence in documents.sentences_of(document)]
        between = [gap for document in rows for gap in documents.between_sentences(document)]
        return ItemColumns(pa.array(sentences, pa.string()), pa.array(between, pa.string()).dictionary_encode())


def _is_closed(meaning: Meaning) -> bool:
    """Whether what is decided without any items has a closed form."""
    return meaning.decides_classes and (meaning.renormalises or meaning.adds_up)
