"""Correlations of one document by slow code: hooks, a run of the model for every word that is left out, scipy's tau."""

from __future__ import annotations

import dataclasses
import itertools
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from attnprobe.data.batches import Batch
from attnprobe.erasure.correlation_names import ATTENTION_GRADIENT, ATTENTION_LEAVE_ONE_OUT, GRADIENT_LEAVE_ONE_OUT
from attnprobe.models.pooled.classifier import PooledClassifier

_TIED = 1e-5
"""Numbers within this share of the largest are equal in float32."""

Numbers = npt.NDArray[np.float64]


class Tau(NamedTuple):
    """Kendall's tau, and by how much it may be another one where pairs are a matter of rounding."""

    value: float
    slack: float


def correlations(model: PooledClassifier, batch: Batch, weights: Tensor) -> dict[str, Tau]:
    """By column the correlations of a document of several words; none of one word.

    Args:
        model: in evaluation mode and double precision, whose items are words.
        batch: the document alone.
        weights: of its attention (items,).
    """
    if len(batch.words) < 2:
        return {}
    logits = model(batch)[0].detach()
    p = torch.softmax(logits, -1).amax()
    # What a rounded logit moves the output by: in a document that is sure of itself hardly a word moves it more.
    least = float(p * (1 - p) * logits.abs().max().clamp(min=1.0))
    attention = (weights.cpu().numpy(), 0.0)
    gradients = (_gradients(model, batch), 0.0)
    left_out = (_left_out(model, batch), least)
    pairs = {
        ATTENTION_GRADIENT: (attention, gradients),
        ATTENTION_LEAVE_ONE_OUT: (attention, left_out),
        GRADIENT_LEAVE_ONE_OUT: (gradients, left_out),
    }
    return {name: _tau(*pair) for name, pair in pairs.items()}


def _gradients(model: PooledClassifier, batch: Batch) -> Numbers:
    embedded: list[Tensor] = []
    with torch.enable_grad():
        hooks = [
            model.embedding.register_forward_hook(lambda _module, _inputs, output: embedded.append(output)),
            model.attention.register_forward_hook(lambda _module, _inputs, output: output.detach()),
        ]
        try:
            logits = model(batch)[0]
        finally:
            for hook in hooks:
                hook.remove()
        (gradients,) = torch.autograd.grad(torch.softmax(logits, -1).amax(), embedded[0])
    along = (gradients * embedded[0]).detach().sum(-1).flatten().abs()
    return np.asarray(along.double().cpu().numpy())


@torch.no_grad()
def _left_out(model: PooledClassifier, batch: Batch) -> Numbers:
    whole = torch.softmax(model(batch)[0], -1)
    moved = []
    for word in range(len(batch.words)):
        words = torch.cat([batch.words[:word], batch.words[word + 1 :]])
        one, length = torch.ones_like(batch.rows), torch.full_like(batch.rows, len(words))
        shorter = dataclasses.replace(batch, words=words, sentence_lengths=length, sentences_per_document=one)
        moved.append(float((torch.softmax(model(shorter)[0], -1) - whole).clamp(min=0).sum()))
    return np.array(moved)


def _tau(one: tuple[Numbers, float], other: tuple[Numbers, float]) -> Tau:
    pairs = np.array(list(itertools.combinations(range(len(one[0])), 2)))
    uncertain = np.zeros(len(pairs), dtype=bool)
    for numbers, least in (one, other):
        apart = np.abs(numbers[pairs[:, 0]] - numbers[pairs[:, 1]])
        uncertain |= apart <= _TIED * max(np.abs(numbers).max(), least)
    count = int(uncertain.sum())
    from scipy.stats import kendalltau  # slow to import, and wanted of runs with correlations alone

    return Tau(float(kendalltau(one[0], other[0]).statistic), 3 * count / max(1, len(pairs) - count))
