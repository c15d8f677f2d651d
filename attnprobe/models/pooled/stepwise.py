"""Erasures in attention-pooled models where there is no closed form: by any way of erasing, for any decision.

The readout is affine, so that the logits of any row of weights are those weights times what each item's values give,
and the bias. Rows are edited set by set, many sets at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property

import torch
from torch import Tensor, nn

from attnprobe.engines.items import Items
from attnprobe.engines.micro_batches import MicroBatches
from attnprobe.engines.protocol import SetErasures
from attnprobe.erasure.arrays import check_numbers
from attnprobe.erasure.curve_names import Score
from attnprobe.erasure.erasable import (
    Attention,
    DecisionCurves,
    OtherErasures,
    Pooling,
    SingleEffects,
)
from attnprobe.erasure.guarantees.certified_sets import CertifiedSets
from attnprobe.erasure.meaning import Meaning
from attnprobe.erasure.orderings import ranks, softmax_of_scores
from attnprobe.models.pooled.one_row import OneRow

_GATHERED = 1 << 22
"""Numbers of what items give that are copied at once, one set a row: 32 MB in float64."""


class PooledSets(SetErasures):
    """Sets of items of a batch, erased one by one from the weights that pool it; in float64.

    Args:
        values: what the attention pools (batch, items, dim).
        scores: its pre-softmax scores (batch, items).
        mask: True where an item is real (batch, items).
        readout: the affine rest of the model.
        meaning: what is meant by erased, and by decided.
        stand_in: the logits of what takes the mass that is lost, bias included (batch, classes), float64; None: it
            goes to nothing.

    Attributes:
        weights: attention, zero at padding (batch, items).
        pooling: what it pools, and the readout of that.
    """

    def __init__(
        self,
        values: Tensor,
        scores: Tensor,
        mask: Tensor,
        readout: nn.Linear,
        meaning: Meaning,
        stand_in: Tensor | None = None,
    ) -> None:
        self.meaning = meaning
        self.weights = softmax_of_scores(scores, mask)
        self._scores = scores.double().masked_fill(~mask, -torch.inf)
        given = values.detach().double() @ readout.weight.detach().double().T
        check_numbers("values", given.sum(-1), mask)
        self._given = given.masked_fill(~mask[..., None], 0.0)
        self._bias = readout.bias.detach().double()
        self._beyond_bias = None if stand_in is None or not meaning.has_stand_in else stand_in - self._bias
        self.pooling = Pooling(values, (self._given + self._bias).masked_fill(~mask[..., None], 0.0).mT, self._bias)
        self.at_once = max(1, _GATHERED // max(1, self._given[0].numel()))
        self._micro_batches = MicroBatches(self.at_once)
        self.logits = self.logits_of(self.weights, torch.arange(len(mask), device=mask.device))

    def logits_of(self, weights: Tensor, documents: Tensor) -> Tensor:
        """The logits (rows, classes) of weights (rows, items) of these documents (rows,); differentiable."""
        return torch.einsum("ri,ric->rc", weights, self._given[documents]) + self._bias

    def evaluate(self, documents: Tensor, erased: Tensor) -> Iterator[tuple[slice, Tensor]]:
        """See :meth:`SetErasures.evaluate`."""

        def compute(part: slice) -> Tensor:
            rows = documents[part]
            weights = self.weights[rows]
            edited = self.meaning.edit(weights, erased[part], self._scores[rows])
            logits = self.logits_of(edited, rows)
            if self._beyond_bias is None:
                return logits
            return logits + (weights - edited).sum(-1, keepdim=True) * self._beyond_bias[rows]

        yield from self._micro_batches.run(len(documents), compute)


class StepwiseErasures(OneRow):
    """A batch that is erased in set by set.

    Args:
        values, scores, mask, readout, meaning, stand_in: as of :class:`PooledSets`.
        otherwise: makes the same batch, erased in further ways.
    """

    def __init__(
        self,
        values: Tensor,
        scores: Tensor,
        mask: Tensor,
        readout: nn.Linear,
        meaning: Meaning,
        stand_in: Tensor | None = None,
        otherwise: Callable[[], Sequence[OtherErasures]] | None = None,
    ) -> None:
        self._raw_scores = scores
        self._sets = PooledSets(values, scores, mask, readout, meaning, stand_in)
        self._otherwise = otherwise
        places = torch.arange(mask.shape[1], device=mask.device).expand_as(mask)
        self._items = Items(places.masked_fill(~mask, -1), mask, mask.sum(-1))

    @cached_property
    def attention(self) -> Attention:
        """What orderings are made of; gradients are by automatic differentiation."""
        mask, sizes = self._items.mask, self._items.sizes
        with torch.enable_grad():
            free = self._sets.weights.detach().requires_grad_()
            logits = self._sets.logits_of(free, torch.arange(len(mask), device=mask.device))
            (gradients,) = torch.autograd.grad(self._sets.meaning.graded(logits, self.decision()).sum(), free)
        gradients = gradients.masked_fill(~mask, 0.0)
        weights = self._sets.weights
        return Attention(self._raw_scores, weights, gradients, gradients * weights, mask, sizes)

    @cached_property
    def _log_probabilities(self) -> Tensor:
        return self._sets.meaning.log_probabilities(self._sets.logits)

    def log_probabilities(self) -> Tensor:
        """Of the unerased documents (batch, classes)."""
        return self._log_probabilities

    def decision(self) -> Tensor:
        """What is decided (batch,)."""
        return self._sets.decision()

    def probability(self) -> Tensor:
        """How sure the model is of its decisions (batch,)."""
        return self._sets.meaning.probability(self._sets.logits, self.decision())

    def single_effects(self) -> SingleEffects:
        """What erasing each item alone does."""
        return self._sets.single_effects(self._items)

    def first_flips(self, order: Tensor) -> dict[str, Tensor]:
        """Where orderings flip the decision, prefix by prefix; nothing is left where what is not erased weighs 0."""
        removed = self._sets.first_flips(order, self._items)
        never, weights = removed < 0, self._sets.weights
        erased = ranks(order) < removed[..., None]
        return {
            "removed": removed,
            "fraction": (removed.double() / self._items.sizes).masked_fill(never, torch.nan),
            "mass": (weights * erased).sum(-1).masked_fill(never, torch.nan),
            "emptied": ((weights * ~erased).sum(-1) == 0) & ~never,
        }

    def curves(self, order: Tensor, documents: Tensor) -> DecisionCurves:
        """How sure the model is along orderings, prefix by prefix."""
        return self._sets.curves(order, documents, self._items)

    def aopcs(self, order: Tensor, documents: Tensor) -> None:
        """There is no closed form here."""

    def probability_without(self, erased: Tensor, documents: Tensor) -> Tensor:
        """How sure the model is when sets of items are erased, set by set."""
        return self._sets.probability_without(erased, documents, self._items)

    def largest_falls(self, documents: Tensor, sizes: Tensor) -> None:
        """Not known here."""
        return

    def aopc_limits(self, documents: Tensor, score: Score) -> Tensor | None:
        """Exact of short documents, attained in others."""
        return self._sets.aopc_limits(documents, self._items, score)

    def certified_sets(self, documents: Tensor, largest: int, known: Tensor) -> CertifiedSets | None:
        """Exact of short documents, between a bound and what is found of others."""
        return self._sets.certified_sets(documents, self._items, largest, known)

    def input_effects(self, documents: Tensor) -> None:
        """Not known here."""
        return

    def smallest_set(self) -> None:
        """No exact smallest set is known here."""
        return

    def greedy_order(self) -> None:
        """It is of models with attention settings, which ask for it."""
        return

    def requirements(self) -> None:
        """Not known: what is left does not add up."""
        return

    def pooling(self) -> Pooling:
        """What the attention pools, and the readout of that."""
        return self._sets.pooling

    def pooled_states(self) -> None:
        """Known by renormalising alone."""
        return

    def pooled(self) -> tuple[Tensor, Tensor, Tensor]:
        """Values, weights and mask."""
        return self.pooling().values, self._sets.weights, self._items.mask

    @property
    def decides_classes(self) -> bool:
        """Whether the decision is the class with the largest logit."""
        return self._sets.meaning.decides_classes

    def contributions(self) -> None:
        """What items give does not say by itself what is decided without some of them."""
        return

    def otherwise(self) -> Sequence[OtherErasures]:
        """The same batch, erased in further ways."""
        return () if self._otherwise is None else self._otherwise()
