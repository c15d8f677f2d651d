"""Erasing in transformers in further ways, by hand: what takes the mass that rows lose, written down a second time.

Where weights are zeroed and the others stay, a vector takes the mass: the mean of the values that a row sees, the mean
of what a head gives of training documents, or what it gives of one of these. Of a way of another package the function
is called that gives the vector.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import torch
from torch import Tensor

from attnprobe.attention.calls import intercepting
from attnprobe.attention.model_call import Inputs, ModelCall
from attnprobe.attention.selection import Selected
from attnprobe.attention.taps import Tap
from attnprobe.erasure.meaning import Meaning
from attnprobe.erasure.orderings import rank_at_random
from attnprobe.erasure.stand_ins import RowsOfAttention, TrainingVectors
from attnprobe.verification.attention_reference import StandingIn, rows_of_document

DRAWN = 5
"""Documents that ``resample`` puts a document in the place of."""

_NOT_OF_ORDERINGS = 0x5DEECE66D
"""What seeds are changed by before training documents are drawn."""


def stand_ins(meaning: Meaning, seed: int, training: Sequence[TrainingVectors] | None) -> Iterator[StandingIn | None]:
    """What takes the mass that rows of one document lose, one a draw; None where nothing does.

    Args:
        meaning: what is meant by erased.
        seed: the document's.
        training: of each selected layer what its heads give of training documents; None where none are known.
    """
    if meaning.erase_by == "document_mean":
        yield _mean_of_what_rows_see
    elif meaning.erase_by == "corpus_mean":
        assert training is not None, "the run keeps them"
        yield lambda layer, _values, _sees: training[layer].mean.double()[:, None]
    elif meaning.erase_by == "resample":
        assert training is not None, "the run keeps them"
        for number in drawn_documents(seed, len(training[0].sample)):
            yield partial(_sampled, training, number)
    elif not meaning.has_stand_in:
        yield None
    else:
        for draw in range(meaning.draws):
            yield partial(_of_others, meaning, seed, training, draw)


def _sampled(training: Sequence[TrainingVectors], number: int, layer: int, _values: Tensor, _sees: Tensor) -> Tensor:
    return training[layer].sample[number].double()[:, None]


def _mean_of_what_rows_see(_layer: int, values: Tensor, sees: Tensor) -> Tensor:
    vectors = values.new_zeros(*sees.shape[:2], values.shape[-1])
    for head, rows in enumerate(sees):
        for row, keys in enumerate(rows):
            if bool(keys.any()):
                vectors[head, row] = values[head][keys].mean(0)
    return vectors


def _of_others(
    meaning: Meaning,
    seed: int,
    training: Sequence[TrainingVectors] | None,
    draw: int,
    layer: int,
    values: Tensor,
    sees: Tensor,
) -> Tensor:
    seeds = torch.tensor([seed], device=values.device)
    known = None if training is None else training[layer]
    made = meaning.stand_ins(RowsOfAttention(values[None], sees[None], seeds, known))
    assert made is not None, "it has one"
    return made[draw, 0]


def drawn_documents(seed: int, sample: int) -> list[int]:
    """The training documents, of so many, that stand in for a document, one a draw."""
    everyone = torch.ones(1, sample, dtype=torch.bool)
    drawn = rank_at_random(everyone, 1, torch.tensor([seed ^ _NOT_OF_ORDERINGS]))[0, 0].tolist()
    return [drawn[draw % sample] for draw in range(DRAWN)]


@torch.no_grad()
def given_by_hand(call: ModelCall, selected: Sequence[Selected], inputs: Inputs) -> list[Tensor]:
    """What each head of selected layers gives of one document, the mean over its selected rows (heads, dim)."""
    taps = [_Look(chosen, inputs) for chosen in selected]
    with intercepting(call.model, dict(tap.chosen.site.tapped(tap, by_mask=False) for tap in taps)):
        call(inputs)
    return [tap.given for tap in taps]


class _Look(Tap):
    """Sums weights times values, row by row."""

    wants_values = True
    given: Tensor

    def __init__(self, chosen: Selected, inputs: Inputs) -> None:
        self.chosen, self._inputs = chosen, inputs

    def edit(self, weights: Tensor, scores: Tensor | None) -> Tensor:
        """See :meth:`Tap.edit`."""
        self._weights = weights
        return weights

    def context(self, values: Tensor | None, product: Tensor | None) -> None:
        """See :meth:`Tap.context`."""
        assert values is not None, "they were seen when the run was made"
        weights, of = self._weights[0].double(), values[0].double()
        rows = [
            (weights[:, row, :, None] * of).sum(1) / weights[:, row].sum(-1, keepdim=True)
            for row in rows_of_document(self.chosen, weights.shape[1], self._inputs)
        ]
        self.given = sum(rows, torch.zeros_like(of[:, 0])) / len(rows) if rows else torch.full_like(of[:, 0], torch.nan)
