"""What takes the mass that rows of attention lose when weights are erased in them: vectors in the space of the values.

What a row gives is Σ a'ⱼ vⱼ + m s, with a' the weights that remain, m the mass that was lost and s the stand-in. Of a
model that pools, values are what its attention pools; of a head, its values, and its output takes the place of the
pooled vector.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from attnprobe.erasure.orderings import rank_at_random


class TrainingVectors(NamedTuple):
    """What attention gives of training documents: pooled vectors, or outputs of heads.

    Attributes:
        mean: of all of them (…, dim).
        sample: of a seeded sample (documents, …, dim).
    """

    mean: Tensor
    sample: Tensor


class RowsOfAttention(NamedTuple):
    """What stand-ins are made of.

    Attributes:
        values: what rows weigh (documents, …, keys, dim).
        attends: True where a row may attend (documents, …, rows, keys).
        seeds: one integer a document, for what is drawn of it (documents,).
        training: what the same attention gives of training documents, None where that is not known.
    """

    values: Tensor
    attends: Tensor
    seeds: Tensor
    training: TrainingVectors | None = None


def document_mean(rows: RowsOfAttention) -> Tensor:
    """The mean of the values that a row may attend to (1, documents, …, rows, dim); zero of a row that may attend to
    nothing."""
    attends = rows.attends.to(rows.values.dtype)
    count = attends.sum(-1, keepdim=True)
    return ((attends @ rows.values) / count.clamp(min=1.0))[None]


def corpus_mean(rows: RowsOfAttention) -> Tensor:
    """The mean of training documents (1, 1, …, 1, dim)."""
    assert rows.training is not None, "it is asked for where it is known"
    return rows.training.mean[None, None, ..., None, :].to(rows.values)


def resampled(rows: RowsOfAttention, draws: int) -> Tensor:
    """Those of training documents that are drawn for each document (draws, documents, …, 1, dim).

    They are different ones, as far as the sample has so many, and belong to the document: the same in any batch.
    """
    assert rows.training is not None, "it is asked for where it is known"
    sample = rows.training.sample
    everywhere = torch.ones(len(rows.seeds), len(sample), dtype=torch.bool, device=rows.seeds.device)
    drawn: Tensor = rank_at_random(everywhere, 1, rows.seeds ^ _OF_ORDERINGS)[0]
    places = torch.arange(draws, device=drawn.device) % len(sample)
    return sample.to(rows.values)[drawn[:, places].T.to(sample.device)][..., None, :]


_OF_ORDERINGS = 0x5DEECE66D
"""Seeds are changed by this, so that the documents drawn have nothing to do with the same seeds' random orderings."""
