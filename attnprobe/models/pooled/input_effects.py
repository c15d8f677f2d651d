"""What the words that a model reads do to its decision: gradients, and leaving each out (Jain & Wallace 2019, §4.1).

Unlike erasing, leaving a word out runs the encoder again without it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from attnprobe.data.batches import Batch, pad
from attnprobe.erasure.erasable import InputEffects
from attnprobe.models.pooled.attention import pool
from attnprobe.models.pooled.classifier import PooledClassifier

_TOKENS = 1 << 15
"""Of the documents without a word that are read at once."""


def input_effects(model: PooledClassifier, batch: Batch, documents: Tensor) -> InputEffects:
    """Of rows (documents,) of a batch; see :class:`InputEffects`.

    Args:
        model: in evaluation mode, whose items are words.
        batch: that the rows are of.
        documents: rows.
    """
    lengths = batch.document_lengths
    of_all = torch.split(batch.words, lengths.tolist())
    words = [of_all[row] for row in documents.tolist()]
    chosen = _batch_of(words)
    left_out = torch.cat([_left_out(model, of_document) for of_document in words])
    padded = [pad(flat, chosen.document_lengths)[0] for flat in (_gradients(model, chosen), left_out)]
    longest = int(lengths.max()) - padded[0].shape[1]
    return InputEffects(*(torch.nn.functional.pad(each, (0, longest)) for each in padded))


def _gradients(model: PooledClassifier, batch: Batch) -> Tensor:
    """|Derivative of the decision's probability by each word's one-hot vector| (words of all documents,)."""
    with torch.enable_grad():
        words = model.embedding(batch.words).detach().requires_grad_()
        values, mask = model.items_of(words, batch)
        weights = model.attention(values, mask, batch).detach()
        probabilities = torch.softmax(model.head(pool(weights, values)).double(), dim=-1)
        (gradients,) = torch.autograd.grad(probabilities.amax(-1).sum(), words)
    effects: Tensor = (gradients * words.detach()).sum(-1).double().abs()
    return effects


@torch.no_grad()
def _left_out(model: PooledClassifier, words: Tensor) -> Tensor:
    """Total variation between the output of a document of these words and those without one of them (words,).

    Of a document of one word nothing would be left: it has 0.
    """
    others = torch.arange(len(words) - 1, device=words.device)
    if not len(others):
        return torch.zeros(1, dtype=torch.float64, device=words.device)
    kept = others + (others >= torch.arange(len(words), device=words.device)[:, None])
    at_once = max(1, _TOKENS // len(words))
    parts = [_probabilities(model, list(words[part])) for part in torch.split(kept, at_once)]
    return (torch.cat(parts) - _probabilities(model, [words])).abs().sum(-1) / 2


def _probabilities(model: PooledClassifier, documents: list[Tensor]) -> Tensor:
    return torch.softmax(model(_batch_of(documents)).double(), dim=-1)


def _batch_of(documents: list[Tensor]) -> Batch:
    """Documents of these words, each of one sentence, without labels."""
    device = documents[0].device
    lengths = torch.tensor([len(words) for words in documents], device=device)
    rows = torch.arange(len(documents), device=device)
    return Batch(rows, torch.zeros_like(rows), torch.cat(documents), lengths, torch.ones_like(rows))
