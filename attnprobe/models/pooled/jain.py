"""The classifiers of Jain & Wallace (2019, §2): words between two ends, encoded, pooled by one attention."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from attnprobe.data.batches import Batch, pad
from attnprobe.erasure.masking import Masking
from attnprobe.models.pooled.attention import AdditiveAttention
from attnprobe.models.pooled.classifier import EMBEDDING_DIM, PooledClassifier
from attnprobe.models.pooled.encoders import ENCODERS
from attnprobe.settings.dropout import Dropout


class Between(NamedTuple):
    """Documents with a first and a last token.

    Attributes:
        tokens: one document after another (words and ends of all documents,).
        lengths: with the ends (documents,).
        places: of the words among the tokens (words of all documents,).
    """

    tokens: Tensor
    lengths: Tensor
    places: Tensor


class Jain(PooledClassifier):
    """Words between a first and a last token, encoded over the whole, the words alone pooled by one attention.

    The attention is half as wide as what it pools. Nothing is dropped out. Embeddings have a dense gradient, so that
    the weight decay acts on all of them in every step, as in the released code.
    """

    unit = "word"

    def __init__(self, vocabulary_size: int, classes: int, encoder: str, dropout: Dropout) -> None:
        word_encoder = ENCODERS[encoder](EMBEDDING_DIM)
        super().__init__(vocabulary_size, word_encoder.output_dim, classes, 0.0, sparse=False)
        self.attention = AdditiveAttention(word_encoder.output_dim, word_encoder.output_dim // 2)
        self.ends = nn.Parameter(nn.functional.normalize(torch.randn(2, EMBEDDING_DIM), dim=-1))
        self.word_encoder = word_encoder

    def items(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Encoded words (documents, words, dim) and their mask."""
        return self.items_of(self.embedding(batch.words), batch)

    def items_of(self, words: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """The same of given embeddings (words of all documents, dim)."""
        between = self._between_ends(words, batch.document_lengths)
        tokens, mask = pad(between.tokens, between.lengths)
        return self.word_encoder(tokens, mask)[:, 1:-1], mask[:, 2:]

    def pooled(self, batch: Batch, masking: Masking | None = None) -> Tensor:
        """What attention makes of the words (documents, dim)."""
        between = self._between_ends(self.embedding(batch.words), batch.document_lengths)
        words = self.word_encoder.flat(between.tokens, between.lengths).index_select(0, between.places)
        return self.attention.pooled(words, batch.document_lengths, batch, masking)

    def _between_ends(self, words: Tensor, lengths: Tensor) -> Between:
        """Embedded words (words of all documents, dim) with an end before and one behind each document's."""
        documents = torch.arange(len(lengths), device=lengths.device).repeat_interleave(lengths)
        places = torch.arange(len(words), device=lengths.device) + 2 * documents + 1
        last = (lengths + 2).cumsum(0) - 1
        tokens = words.new_empty(len(words) + 2 * len(lengths), words.shape[1])
        tokens = tokens.index_copy(0, places, words)
        for end, place in zip(self.ends, (last - lengths - 1, last), strict=True):
            tokens = tokens.index_copy(0, place, end.expand(len(place), -1))
        return Between(tokens, lengths + 2, places)
