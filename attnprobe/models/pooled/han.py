"""HAN, the hierarchical attention network: words into sentences, sentences into a document (Yang et al. 2016)."""

from __future__ import annotations

import torch
from torch import Tensor

from attnprobe.data.batches import Batch, pad
from attnprobe.erasure.masking import Masking
from attnprobe.models.bit_dropout import BitDropout
from attnprobe.models.pooled.attention import AdditiveAttention, pool
from attnprobe.models.pooled.classifier import EMBEDDING_DIM, PooledClassifier
from attnprobe.models.pooled.encoders import ENCODERS
from attnprobe.settings.dropout import Dropout

_WASTE = 1.25
"""Sentences go through the word level together as long as the longest is at most this many times the shortest."""


class HAN(PooledClassifier):
    """Words encoded and pooled within their sentence, sentences encoded and pooled within the document.

    The tested attention is that over sentences, as in 2019.
    """

    unit = "sentence"

    def __init__(self, vocabulary_size: int, classes: int, encoder: str, dropout: Dropout) -> None:
        word_encoder = ENCODERS[encoder](EMBEDDING_DIM)
        sentence_encoder = ENCODERS[encoder](word_encoder.output_dim)
        super().__init__(vocabulary_size, sentence_encoder.output_dim, classes, dropout.document)
        self.word_dropout = BitDropout(dropout.words)
        self.word_encoder = word_encoder
        self.word_attention = AdditiveAttention(word_encoder.output_dim)
        self.sentence_dropout = BitDropout(dropout.sentences)
        self.sentence_encoder = sentence_encoder

    def items(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Encoded sentences (documents, sentences, dim) and their mask."""
        sentences, mask = pad(self._sentence_vectors(batch), batch.sentences_per_document)
        return self.sentence_encoder(self.sentence_dropout(sentences), mask), mask

    def pooled(self, batch: Batch, masking: Masking | None = None) -> Tensor:
        """What attention makes of the sentences (documents, dim), which the other makes of the words."""
        of_words, of_sentences = batch.sentence_lengths, batch.sentences_per_document
        words = self.word_encoder.flat(self.word_dropout(self.embedding(batch.words)), of_words)
        vectors = self.sentence_dropout(self.word_attention.pooled(words, of_words))
        return self.attention.pooled(self.sentence_encoder.flat(vectors, of_sentences), of_sentences, batch, masking)

    def _sentence_vectors(self, batch: Batch) -> Tensor:
        """One vector a sentence (sentences of all documents, dim): sentences of like length go through together."""
        order = torch.argsort(batch.sentence_lengths, stable=True)
        first_word = batch.sentence_lengths.cumsum(0) - batch.sentence_lengths
        vectors = []
        for group in torch.split(order, _alike(batch.sentence_lengths[order].tolist())):
            lengths = batch.sentence_lengths[group]
            positions = torch.arange(int(lengths.max()), device=lengths.device)
            mask = positions < lengths[:, None]
            words = batch.words[(first_word[group][:, None] + positions).clamp_(max=len(batch.words) - 1)]
            embedded = self.word_dropout(self.embedding(words.masked_fill(~mask, 0)))
            values = self.word_encoder(embedded, mask)
            vectors.append(pool(self.word_attention(values, mask), values))
        return torch.cat(vectors)[torch.argsort(order)]


def _alike(lengths: list[int]) -> list[int]:
    """Sizes of groups of sorted lengths within which the longest is little longer than the shortest."""
    sizes: list[int] = []
    shortest = 0
    for length in lengths:
        if sizes and length <= shortest * _WASTE + 2:
            sizes[-1] += 1
        else:
            sizes.append(1)
            shortest = length
    return sizes
