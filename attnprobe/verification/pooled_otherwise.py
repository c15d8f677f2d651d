"""Erasing in models whose attention pools in the further ways of a run, step by step, and what stands in for them.

What these ways mean is written down here a second time: weights that are zeroed and not renormalised, and the vector
that takes their mass. Of a way of another package the function is called that gives the vector.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from attnprobe.data.batches import Batch
from attnprobe.erasure.meaning import Meaning
from attnprobe.erasure.orderings import rank_at_random
from attnprobe.erasure.stand_ins import RowsOfAttention, TrainingVectors
from attnprobe.models.pooled.classifier import PooledClassifier
from attnprobe.verification.pooled_reference import PooledReference

DRAWN = 5
"""Documents that ``resample`` puts a document in the place of."""

_NOT_OF_ORDERINGS = 0x5DEECE66D
"""What seeds are changed by before training documents are drawn."""


class Standing(NamedTuple):
    """What vectors that stand in are made of: values (items, dim), a document's seed, and training documents'."""

    values: Tensor
    seed: int
    training: TrainingVectors | None


def _nothing(of: Standing) -> list[Tensor]:
    return [torch.zeros_like(of.values[0])]


def _mean_of_document(of: Standing) -> list[Tensor]:
    return [sum(of.values.unbind(0), torch.zeros_like(of.values[0])) / len(of.values)]


def _mean_of_training(of: Standing) -> list[Tensor]:
    assert of.training is not None
    return [of.training.mean.to(of.values)]


def _other_documents(of: Standing) -> list[Tensor]:
    assert of.training is not None
    sample = of.training.sample
    everyone = torch.ones(1, len(sample), dtype=torch.bool)
    drawn = rank_at_random(everyone, 1, torch.tensor([of.seed ^ _NOT_OF_ORDERINGS]))[0, 0].tolist()
    return [sample[drawn[draw % len(sample)]].to(of.values) for draw in range(DRAWN)]


VECTORS: Mapping[str, Callable[[Standing], list[Tensor]]] = {
    "zero": _nothing,
    "document_mean": _mean_of_document,
    "corpus_mean": _mean_of_training,
    "resample": _other_documents,
}
"""By way of erasing: the vectors that take the mass of what is erased, one a draw."""


def vectors_of(meaning: Meaning, of: Standing) -> list[Tensor]:
    """The vectors (dim,) that take the mass of what is erased in one document, one a draw."""
    made = VECTORS.get(meaning.erase_by)
    if made is not None:
        return made(of)
    attends = torch.ones(1, 1, len(of.values), dtype=torch.bool)
    given = meaning.stand_ins(RowsOfAttention(of.values[None], attends, torch.tensor([of.seed]), of.training))
    return _nothing(of) if given is None else list(given[:, 0, 0])


class ReplacedReference(PooledReference):
    """One document, in which a vector takes the mass of what is erased, and what remains keeps its weight.

    With more erased a class may fall behind again, so that the smallest set is looked for size by size.

    Args:
        model, batch, meaning: as of :class:`PooledReference`.
        stand_in: the vector (dim,).
    """

    larger_sets_flip = False

    def __init__(self, model: PooledClassifier, batch: Batch, meaning: Meaning, stand_in: Tensor) -> None:
        super().__init__(model, batch, meaning)
        self._stands_in = stand_in
        with torch.no_grad():
            self._values = model.items(batch)[0][0]

    @torch.no_grad()
    def _run(self, erased: frozenset[int]) -> Tensor:
        pooled, lost = torch.zeros_like(self._values[0]), 0.0
        for item, (weight, value) in enumerate(zip(self.weights, self._values, strict=True)):
            if item in erased:
                lost += weight
            else:
                pooled = pooled + weight * value
        logits: Tensor = self._model.head(pooled + lost * self._stands_in)
        return logits

    def _run_copies(self, erased: Sequence[frozenset[int]]) -> Tensor:
        """See :meth:`Reference._run_copies`; one after another."""
        return torch.stack([self._run(items) for items in erased])

    def are_alike(self, one: int, other: int) -> bool:
        """Whether they have the same weight and the same values."""
        pairs = ((of[one], of[other]) for of in (self.weights, self._values))
        return all(torch.allclose(a, b, rtol=1e-12, atol=1e-12) for a, b in pairs)

    @torch.no_grad()
    def smallest_sets(self, count: int) -> list[list[int]]:
        """For each other class the ``count`` items that keep it down most, against what takes their place."""
        beyond = self._model.head(self._values) - self._model.head(self._stands_in)
        leads = self.weights[:, None] * (beyond - beyond[:, self.decision, None])
        classes = [c for c in range(leads.shape[1]) if c != self.decision]
        return [leads[:, c].argsort()[:count].tolist() for c in classes]


def pooled_references(
    model: PooledClassifier, batch: Batch, meaning: Meaning, seed: int, training: TrainingVectors | None
) -> list[PooledReference]:
    """The references of a document that is erased in in some way, one for each vector that stands in.

    Args:
        model: in evaluation mode and double precision.
        batch: the document alone.
        meaning: what is meant by erased, and by decided.
        seed: the document's.
        training: vectors of training documents, where they are known.
    """
    if meaning.renormalises:
        return [PooledReference(model, batch, meaning)]
    with torch.no_grad():
        values = model.items(batch)[0][0]
    vectors = vectors_of(meaning, Standing(values, seed, training))
    made = ReplacedReference if meaning.adds_up else PooledReference
    return [made(model, batch, meaning, vector) for vector in vectors]
