"""The slow reference of models whose attention pools, by hooks on it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from attnprobe.attention.hooks import capturing, erasing
from attnprobe.data.batches import Batch
from attnprobe.erasure.meaning import BY_DEFAULT, Meaning
from attnprobe.models.pooled.classifier import PooledClassifier
from attnprobe.verification.reference import COPIES, Reference
from attnprobe.verification.reference_correlations import Tau, correlations

WORDS = 8_192
"""Of all copies that go side by side: what an encoder makes of them is some megabytes."""


class PooledReference(Reference):
    """One document.

    Args:
        model: in evaluation mode and double precision.
        batch: the document alone.
        meaning: what is meant by erased, and by decided.
        stand_in: the vector (dim,) that takes the mass of what is erased, None where there is none.
    """

    def __init__(
        self, model: PooledClassifier, batch: Batch, meaning: Meaning = BY_DEFAULT, stand_in: Tensor | None = None
    ) -> None:
        super().__init__(meaning)
        self._model, self._batch, self._stand_in = model, batch, stand_in
        with torch.enable_grad(), capturing(model.attention) as captured:
            logits = model(batch)[0]
            self.decision = self.decided(logits.detach())
            (gradients,) = torch.autograd.grad(self.graded(logits), captured)
        self.weights, self.gradients = captured[0].detach()[0], gradients[0]
        self.products = self.weights * self.gradients

    def _run(self, erased: frozenset[int]) -> Tensor:
        return self._run_copies([erased])[0]

    @torch.no_grad()
    def _run_copies(self, erased: Sequence[frozenset[int]]) -> Tensor:
        """See :meth:`Reference._run_copies`."""
        chosen = torch.zeros(len(erased), self.items, dtype=torch.bool, device=self.weights.device)
        for copy, items in enumerate(erased):
            chosen[copy, sorted(items)] = True
        with contextlib.ExitStack() as stack:
            if self._meaning.renormalises:
                stack.enter_context(erasing(self._model.attention, chosen))
            else:
                edit = lambda _module, _inputs, weights: self._meaning.edit(weights, chosen)  # noqa: E731
                stack.callback(self._model.attention.register_forward_hook(edit).remove)
            if self._stand_in is not None:
                lost = self.weights.sum() - self._meaning.edit(self.weights.expand(chosen.shape), chosen).sum(-1)
                add = lambda _module, inputs: (inputs[0] + lost[:, None] * self._stand_in,)  # noqa: E731
                stack.callback(self._model.head.register_forward_pre_hook(add).remove)
            logits: Tensor = self._model(_copies(self._batch, len(erased)))
        return logits

    @property
    def _side_by_side(self) -> int:
        """So many that their words are at most ``WORDS``, and one of a longer document."""
        return max(1, min(COPIES, WORDS // len(self._batch.words)))

    @cached_property
    @torch.no_grad()
    def _alone(self) -> Tensor:
        """The logits that each item would have alone (items, classes)."""
        values, _ = self._model.items(self._batch)
        logits: Tensor = self._model.head(values[0])
        return logits

    def are_alike(self, one: int, other: int) -> bool:
        """Whether they have the same weight, and would have the same logits alone: as the same word twice.

        Of another way of erasing than to renormalise it is not known whether it looks at more than weights.
        """
        if not self._meaning.renormalises:
            return False
        weights, alone = self.weights[[one, other]], self._alone[[one, other]]
        return all(torch.allclose(a, b, rtol=1e-12, atol=1e-12) for a, b in (weights, alone))

    def nothing_is_left(self, erased: Iterable[int]) -> bool:
        """Whether the others weigh nothing."""
        chosen = set(erased)
        return not any(float(weight) for item, weight in enumerate(self.weights) if item not in chosen)

    def smallest_sets(self, count: int) -> list[list[int]]:
        """For each other class the ``count`` items that keep it down most.

        Weighted by an item's attention, by how much its logits alone put a class ahead of the decision is what it adds
        to that class's lead, whatever else is erased.
        """
        leads = self.weights[:, None] * (self._alone - self._alone[:, self.decision, None])
        classes = [c for c in range(leads.shape[1]) if c != self.decision]
        return [leads[:, c].argsort()[:count].tolist() for c in classes]

    def leads(self) -> np.ndarray:
        """See :meth:`Reference.leads`."""
        leads = self.weights[:, None] * (self._alone[:, self.decision, None] - self._alone)
        of_rivals = [c for c in range(leads.shape[1]) if c != self.decision]
        found: np.ndarray = leads[:, of_rivals].T.double().numpy()
        return found

    def worst_erasures(self, kept: list[int]) -> list[list[int]]:
        """For each other class all that speaks against it; of kept items without weight also all but one item."""
        others = sorted(set(range(self.items)) - set(kept))
        erasures = [[item for item in others if lead[item] >= 0] for lead in self.leads()]
        if not self.weights[kept].any():
            erasures += [others, *([each for each in others if each != item] for item in others)]
        return erasures

    def runner_up_margins(self) -> Tensor:
        """An item's weight times how much its logits alone put the decision ahead of the second class."""
        logits = self.logits().clone()
        logits[self.decision] = -torch.inf
        return self.weights * (self._alone[:, self.decision] - self._alone[:, int(logits.argmax())])

    def correlations(self) -> dict[str, Tau]:
        """By column Kendall's tau over the words of the input; none of a document of one word."""
        return correlations(self._model, self._batch, self.weights)

    def next_greedily(self, erased: list[int]) -> tuple[int, bool]:
        """Not needed: the smallest sets are known."""
        raise NotImplementedError


def _copies(batch: Batch, count: int) -> Batch:
    """So many copies of a document, one after another."""
    fields = (batch.rows, batch.labels, batch.words, batch.sentence_lengths, batch.sentences_per_document)
    return Batch(*(numbers.repeat(count) for numbers in fields))
