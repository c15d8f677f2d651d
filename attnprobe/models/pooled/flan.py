"""FLAN, the flat attention network: attention over all words of a document (Serrano & Smith 2019, §3)."""

from __future__ import annotations

from torch import Tensor

from attnprobe.data.batches import Batch, pad
from attnprobe.erasure.masking import Masking
from attnprobe.models.bit_dropout import BitDropout
from attnprobe.models.pooled.classifier import EMBEDDING_DIM, PooledClassifier
from attnprobe.models.pooled.encoders import ENCODERS
from attnprobe.settings.dropout import Dropout


class FLAN(PooledClassifier):
    """Words, encoded over the whole document, pooled by one attention."""

    unit = "word"

    def __init__(self, vocabulary_size: int, classes: int, encoder: str, dropout: Dropout) -> None:
        word_encoder = ENCODERS[encoder](EMBEDDING_DIM)
        super().__init__(vocabulary_size, word_encoder.output_dim, classes, dropout.document)
        self.word_dropout = BitDropout(dropout.words)
        self.word_encoder = word_encoder

    def items(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Encoded words (documents, words, dim) and their mask."""
        return self.items_of(self.embedding(batch.words), batch)

    def items_of(self, words: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """The same of given embeddings (words of all documents, dim)."""
        padded, mask = pad(self.word_dropout(words), batch.document_lengths)
        return self.word_encoder(padded, mask), mask

    def pooled(self, batch: Batch, masking: Masking | None = None) -> Tensor:
        """What attention makes of the words (documents, dim)."""
        lengths = batch.document_lengths
        words = self.word_encoder.flat(self.word_dropout(self.embedding(batch.words)), lengths)
        return self.attention.pooled(words, lengths, batch, masking)
