"""What the experiments of Bhardwaj et al. (2021) measure on a trained encoder, as rows of tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from attnprobe.data.batches import EncodedDocuments
from attnprobe.erasure.divergence import entropy
from attnprobe.identifiability.logit_ranks import logit_rank
from attnprobe.identifiability.null_space import joint_nullity, nullity, published_rank
from attnprobe.models.transformer.network import TransformerClassifier
from attnprobe.papers.bhardwaj2021.encoder_readings import LastLayer, first_row, last_layer
from attnprobe.papers.bhardwaj2021.random_alternatives import random_alternatives
from attnprobe.settings.transformer import encoder_parameters
from attnprobe.training import EVALUATION_DOCUMENTS, EVALUATION_TOKENS

LENGTHS = (4, 8, 12, 16, 20, 24, 28, 32, 40, 48, 56, 64, 72, 80, 96, 112, 128, 192, 256, 320, 384, 448, 512)
"""Items that documents are clipped to, the first token included."""

SAMPLE_SEED = 0
"""A constant: every encoder is measured on the same documents of a dataset."""


def accuracy_row(model: TransformerClassifier, test: EncodedDocuments) -> dict[str, float]:
    """Test accuracy and how sharp the attention is from which decisions are read.

    Returns:
        ``accuracy``; ``parameters`` of the encoder's layers; ``score_deviation``: the standard deviation of a row's
        scores, averaged over heads and documents; ``evenness``: its entropy over that of uniform weights, likewise.
        Documents without a word count for the accuracy alone.
    """
    right, deviations, evenness = 0, [], []
    for rows in test.in_order_of_length(EVALUATION_DOCUMENTS, EVALUATION_TOKENS):
        batch = test.batch(rows)
        inputs = model.inputs(batch)
        logits, scores = first_row(model, inputs)
        right += int((logits.argmax(-1) == batch.labels).sum())
        mask = inputs["attention_mask"][:, None]
        items = mask.sum(-1)
        log_weights = torch.log_softmax(scores.double().masked_fill(~mask, -torch.inf), dim=-1)
        evenness.append(entropy(log_weights).mean(-1) / items[:, 0].double().log())
        mean = scores.double().masked_fill(~mask, 0.0).sum(-1, keepdim=True) / items[..., None]
        squares = (scores.double() - mean).masked_fill(~mask, 0.0).square().sum(-1)
        deviations.append((squares / items).sqrt().mean(-1))
    return {
        "accuracy": right / len(test),
        "parameters": encoder_parameters(model.options),
        "score_deviation": float(torch.cat(deviations).mean()),
        "evenness": float(torch.cat(evenness).nanmean()),
    }


def rank_rows(model: TransformerClassifier, test: EncodedDocuments, documents: int) -> list[dict[str, float]]:
    """Ranks and nullities of heads' values against length, on documents clipped to each of ``LENGTHS``.

    Args:
        model: the encoder.
        test: documents; those of at least as many items as a length are clipped to it.
        documents: at most so many of a length, a seeded sample.

    Returns:
        A row a length that any document has, means over documents and heads: ``published_rank`` (V without a column of
        ones, float32's threshold; ``_first_head`` as in the paper's figure), ``nullity`` of [T, 1],
        ``nullity_of_distinct`` items, ``practical_rank`` at 1 %, ``joint_nullity`` of the layer over its items,
        ``not_unique``: share of heads and documents whose weights are not unique.
    """
    rows = []
    for length in LENGTHS:
        read = _clipped(model, test, length, documents)
        if read is None:
            continue
        values = read.values
        published, found = published_rank(values).rank.double(), nullity(values)
        joint = joint_nullity(values)
        rows.append(
            {
                "items": length,
                "documents": len(values),
                "published_rank": float(published.mean()),
                "published_rank_first_head": float(published[:, 0].mean()),
                "nullity": float(found.nullity.double().mean()),
                "nullity_of_distinct": float(found.nullity_of_distinct.double().mean()),
                "practical_rank": float(found.practical_ranks[..., -1].double().mean()),
                "joint_nullity": float(joint.nullity.double().mean()),
                "joint_nullity_of_distinct": float(joint.nullity_of_distinct.double().mean()),
                "not_unique": float((found.nullity_of_distinct > 0).double().mean()),
            }
        )
    return rows


def logit_rank_rows(
    model: TransformerClassifier, test: EncodedDocuments, documents: int, draws: int, lengths: Sequence[int]
) -> list[dict[str, float]]:
    """Ranks of logits of a head's own weights and of random weights with the same output, first head, as in the paper.

    Args:
        model: the encoder.
        test: documents; those of at least as many items as a length are clipped to it.
        documents: at most so many of a length.
        draws: alternatives of each document.
        lengths: in items.

    Returns:
        A row a length and document: ``own_rank``, and the mean, least and greatest of the alternatives' ranks
        (``random_rank``, ``…_low``, ``…_high``), at the exact threshold of float64.
    """
    generator = torch.Generator().manual_seed(SAMPLE_SEED)
    rows = []
    for length in lengths:
        read = _clipped(model, test, length, documents)
        for values, log_weights in zip(*_first_heads(read), strict=True) if read is not None else ():
            drawn = random_alternatives(log_weights.exp(), values, draws, generator)
            ranks = logit_rank(drawn.log()).rank.double()
            rows.append(
                {
                    "items": length,
                    "own_rank": float(logit_rank(log_weights).rank),
                    "random_rank": float(ranks.mean()),
                    "random_rank_low": float(ranks.min()),
                    "random_rank_high": float(ranks.max()),
                }
            )
    return rows


def _first_heads(read: LastLayer) -> tuple[torch.Tensor, torch.Tensor]:
    return read.values[:, 0], read.log_weights[:, 0]


def _clipped(model: TransformerClassifier, test: EncodedDocuments, length: int, documents: int) -> LastLayer | None:
    """The last layer on a sample of documents cut to exactly this many items, the first token included."""
    if length > model.options.longest:
        return None
    rows = _sample(np.flatnonzero(test.lengths >= length - 1), documents)
    if not len(rows):
        return None
    parts = [last_layer(model, _inputs(model, test, part, length)) for part in _parts(rows, length)]
    return LastLayer(*(torch.cat(parts_of) for parts_of in zip(*parts, strict=True)))


def _inputs(
    model: TransformerClassifier, test: EncodedDocuments, rows: npt.NDArray[np.int64], length: int
) -> dict[str, torch.Tensor]:
    inputs = model.inputs(test.batch(rows))
    return {name: tensor[:, :length] for name, tensor in inputs.items()}


def _parts(rows: npt.NDArray[np.int64], length: int) -> Iterator[npt.NDArray[np.int64]]:
    """Rows that are read at once: their weights must fit into memory."""
    size = max(1, 2**19 // length**2)
    yield from (rows[start : start + size] for start in range(0, len(rows), size))


def _sample(rows: npt.NDArray[np.int64], size: int) -> npt.NDArray[np.int64]:
    return np.sort(np.random.default_rng(SAMPLE_SEED).permutation(rows)[:size])


def run_columns(model: TransformerClassifier) -> dict[str, Any]:
    """The columns that tell an encoder's variant from others."""
    options = model.options
    return {
        "combine": options.combine,
        "as_released": " ".join(options.as_released),
        "matched": options.matched,
        "d_k": options.key_width,
        "d_v": options.value_width,
    }
