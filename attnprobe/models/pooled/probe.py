"""The probe of attention-pooled classifiers, whose readout is affine: HAN and FLAN."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property, partial
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
from attnprobe.erasure.aopc_limits import limits_of_documents
from attnprobe.erasure.best_sets import largest_falls
from attnprobe.erasure.chance import aopc_of_orders
from attnprobe.erasure.contributions import Contributions, of_class
from attnprobe.erasure.curve_names import Score
from attnprobe.erasure.curves import curves_of_decision
from attnprobe.erasure.divergence import js_divergence
from attnprobe.erasure.erasable import (
    Attention,
    DecisionCurves,
    Erasures,
    InputEffects,
    OutputProducts,
    Pooling,
    SingleEffects,
)
from attnprobe.erasure.guarantees.requirements import Requirements
from attnprobe.erasure.kept_scores import KeptScores
from attnprobe.erasure.masking import Masking
from attnprobe.erasure.meaning import BY_DEFAULT, Meaning
from attnprobe.erasure.orderings import softmax_of_scores
from attnprobe.erasure.pooled_states import PooledStates
from attnprobe.erasure.rankings.output_shares import of_pooled
from attnprobe.explanations.item_parts import ItemParts
from attnprobe.models.pooled.attention import pool
from attnprobe.models.pooled.classifier import PooledClassifier
from attnprobe.models.pooled.input_effects import input_effects
from attnprobe.models.pooled.stepwise import StepwiseErasures
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


class PooledErasures:
    """A batch whose erasures have a closed form.

    Args:
        values: what the attention pools (batch, items, dim).
        scores: its pre-softmax scores (batch, items).
        mask: True where an item is real (batch, items).
        readout: the affine rest of the model.
        of_inputs: what the words of rows of the batch do to the decision, where that can be asked.
    """

    def __init__(
        self,
        values: Tensor,
        scores: Tensor,
        mask: Tensor,
        readout: nn.Linear,
        of_inputs: Callable[[Tensor], InputEffects] | None = None,
    ) -> None:
        self._scores, self._values, self._readout, self._of_inputs = scores, values, readout, of_inputs
        self._contributions = Contributions(values, None, mask, readout, scores=scores)

    @cached_property
    def attention(self) -> Attention:
        """What orderings are made of."""
        of = self._contributions
        gradients = of.decision_gradient()
        return Attention(self._scores, of.mass, gradients, gradients * of.mass, of.mask, of.sizes)

    @cached_property
    def _log_probabilities(self) -> Tensor:
        return self._contributions.log_probabilities()

    def log_probabilities(self) -> Tensor:
        """Of the unerased documents (batch, classes)."""
        return self._log_probabilities

    def decision(self) -> Tensor:
        """The classes decided for (batch,)."""
        return self._contributions.decision

    def probability(self) -> Tensor:
        """The probabilities of the decisions (batch,)."""
        return self.log_probabilities().amax(-1).exp()

    def left_out_share(self) -> None:
        """Everything that is pooled is an item."""
        return

    def single_effects(self) -> SingleEffects:
        """What erasing each item alone does."""
        single = self._contributions.single_erasures()
        log_p, padding = self.log_probabilities()[:, :, None], ~self._contributions.mask
        erased = torch.log_softmax(single.relative_logits, dim=1)
        js = js_divergence(erased, log_p, dim=1).masked_fill_(padding, 0.0)
        probability = of_class(erased, self.decision()).exp().masked_fill_(padding, 0.0)
        logit = self._contributions.decided_logit_without_each().masked_fill_(padding, 0.0)
        return SingleEffects(js, single.flips, probability, logit)

    def first_flips(self, order: Tensor) -> dict[str, Tensor]:
        """Where orderings flip the decision, from sums over every prefix."""
        flip = self._contributions.first_flip(order)
        return {"removed": flip.count, "fraction": flip.fraction, "mass": flip.mass, "emptied": flip.emptied}

    def curves(self, order: Tensor, documents: Tensor) -> DecisionCurves:
        """How sure the model is along orderings, from sums over every prefix and what is behind it."""
        return curves_of_decision(self._contributions, order, documents)

    def aopcs(self, order: Tensor, documents: Tensor) -> Tensor:
        """AOPC of the probability along orders of some documents (orders, documents), from sums of what is left."""
        return aopc_of_orders(KeptScores(self._contributions, "probability").of_documents(documents), order)

    def probability_without(self, erased: Tensor, documents: Tensor) -> Tensor:
        """How sure the model is when sets of items are erased, from the sums over what is left."""
        return KeptScores(self._contributions, "probability").of_documents(documents).of_sets(~erased)

    def largest_falls(self, documents: Tensor, sizes: Tensor) -> Tensor:
        """The largest fall by sets of a size, as an interval (documents, 2)."""
        return largest_falls(self._contributions, self._values, self._readout, documents, sizes)

    def aopc_limits(self, documents: Tensor, score: Score) -> Tensor:
        """Least and largest AOPC of any ordering, as intervals (documents, 4)."""
        limits = limits_of_documents(self._contributions, self._values, self._readout, score, documents)
        return torch.cat([torch.as_tensor(limit) for limit in limits], dim=-1)

    def certified_sets(self, documents: Tensor, largest: int, known: Tensor) -> None:
        """It is known of every document, from sums."""
        return

    def input_effects(self, documents: Tensor) -> InputEffects | None:
        """What the words of rows (documents,) of the batch do to the decision."""
        return None if self._of_inputs is None else self._of_inputs(documents)

    def pooled_states(self) -> PooledStates:
        """What the attention pools of what is left."""
        of = self._contributions
        return PooledStates(self._values, of.mass, of.mask, of.margins, of.threshold)

    def smallest_set(self) -> Tensor:
        """The items of the smallest set that flips the decision, exactly (batch, items), −1 behind them."""
        rank = self._contributions.minimal_flip_set().rank
        behind = rank.shape[1]
        places = rank.masked_fill(rank < 0, behind)
        sorted_places, order = places.sort(dim=-1, stable=True)
        smallest: Tensor = order.masked_fill_(sorted_places == behind, -1)
        return smallest

    def greedy_order(self) -> None:
        """Not needed where the smallest set is known."""
        return

    def contributions(self) -> Tensor:
        """Each item's weight times the logits that it would give alone (batch, classes, items)."""
        return self._contributions.alone * self._contributions.mass[:, None]

    def requirements(self) -> Requirements:
        """What has to be kept so that the decision stands whatever else is erased, from sums."""
        return self._contributions.requirements()

    def pooling(self) -> Pooling:
        """What the attention pools, and the readout of that."""
        return Pooling(self._values, self._contributions.alone, self._contributions.bias)

    @cached_property
    def _attention_outputs(self) -> list[list[OutputProducts]]:
        return [[of_pooled(self._values, self._contributions.mass, self._contributions.mask)]]

    def attention_outputs(self) -> list[list[OutputProducts]]:
        """What items are of the pooled vector."""
        return self._attention_outputs

    def layer_outputs(self) -> list[list[OutputProducts]]:
        """The same: pooling is the whole layer."""
        return self.attention_outputs()

    def slopes(self) -> None:
        """What is pooled says it in closed form."""
        return

    def flows(self) -> None:
        """One row pools, and nothing flows from layer to layer."""
        return

    decides_classes = True


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
        """Whether erasing is renormalising and a decision a class."""
        return self.meaning == BY_DEFAULT

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

    def erasures(self, batch: Batch) -> Erasures:
        """A batch ready for erasures, by closed forms where there are any."""
        if self.meaning == BY_DEFAULT:
            of_inputs = partial(self._input_effects, batch) if self.unit == WORD else None
            return PooledErasures(*self.read(batch), self.readout, of_inputs)
        return StepwiseErasures(*self.read(batch), self.readout, self.meaning)

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
