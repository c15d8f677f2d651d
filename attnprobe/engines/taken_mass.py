"""What takes the mass that rows of attention lose when weights are erased in a batch, as engines ask for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from attnprobe.attention.head_outputs import head_outputs
from attnprobe.attention.model_call import Inputs, ModelCall
from attnprobe.attention.selection import Selected
from attnprobe.attention.taps import StandIn
from attnprobe.erasure.meaning import Meaning
from attnprobe.erasure.stand_ins import RowsOfAttention, TrainingVectors


@dataclass(frozen=True)
class TakenMass:
    """Of one draw: in each selected layer, vectors for the rows of each document.

    What is made of training documents is made once. What is made of a row's own values is made anew in each run, for
    an erasure in a layer below changes these.

    Attributes:
        meaning: what is meant by erased.
        seeds: one integer a document (batch,).
        draw: which.
        tables: of each layer (batch, heads, rows or 1, dim); None where they are made anew.
    """

    meaning: Meaning
    seeds: Tensor
    draw: int
    tables: tuple[Tensor, ...] | None = None

    def of(self, layer: int, documents: Tensor) -> StandIn:
        """What takes it in a layer, counted among those selected, of documents of the batch (runs,)."""
        if self.tables is not None:
            return self.tables[layer].index_select(0, documents)

        def stand_in(values: Tensor, attends: Tensor) -> Tensor:
            vectors = self.meaning.stand_ins(RowsOfAttention(values, attends, self.seeds[documents]))
            assert vectors is not None, "it is asked for where there is one"
            return vectors[self.draw]

        return stand_in


def made_anew(meaning: Meaning, seeds: Tensor) -> list[TakenMass]:
    """Of every draw, made of the values of each run."""
    return [TakenMass(meaning, seeds, draw) for draw in range(meaning.draws)]


def made_once(
    meaning: Meaning,
    seeds: Tensor,
    training: Sequence[TrainingVectors] | None,
    seen: Sequence[tuple[Tensor, Tensor]],
) -> list[TakenMass]:
    """Of every draw, made of the values of the unerased documents.

    Args:
        meaning: what is meant by erased; something takes the mass.
        seeds: one integer a document (batch,).
        training: of each layer what its heads give of training documents (heads, dim); None where none are known.
        seen: of each layer the values (batch, heads, keys, dim), and where rows attend (batch, heads, rows, keys).

    Raises:
        InputError: it needs training documents, and there are none.
    """
    of_layers = []
    for layer, (values, attends) in enumerate(seen):
        known = None if training is None else training[layer]
        vectors = meaning.stand_ins(RowsOfAttention(values, attends, seeds, known))
        assert vectors is not None, "it is asked for where there is one"
        # The same for all rows is kept once.
        of_layers.append(vectors[..., :1, :] if vectors.stride(-2) == 0 else vectors)
    return [
        TakenMass(meaning, seeds, draw, tuple(vectors[draw] for vectors in of_layers)) for draw in range(meaning.draws)
    ]


def vectors_of(call: ModelCall, selected: Sequence[Selected], batches: Iterable[Inputs]) -> list[TrainingVectors]:
    """What the heads of each selected layer give of documents, in batches that are run one after another.

    Raises:
        RefusedError: what a layer's heads give cannot be seen.
    """
    outputs = [head_outputs(call, selected, batch) for batch in batches]
    return [training_vectors(torch.cat(of_layer)) for of_layer in zip(*outputs, strict=True)]


def training_vectors(outputs: Tensor) -> TrainingVectors:
    """Of what heads of one layer give of documents (documents, heads, dim), NaN where one has no such row.

    Where none has, they are zero: there is then nothing to erase either.
    """
    sample = outputs[~outputs.isnan().flatten(1).any(-1)]
    if not len(sample):
        sample = torch.zeros_like(outputs[:1])
    return TrainingVectors(sample.mean(0), sample)
