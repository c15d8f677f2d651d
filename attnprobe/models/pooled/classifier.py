"""What HAN and FLAN have in common: items pooled by attention, then one linear layer."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from attnprobe.data.batches import Batch
from attnprobe.erasure.masking import Masking
from attnprobe.models.bit_dropout import BitDropout
from attnprobe.models.pooled.attention import AdditiveAttention, PoolingAttention, pool
from attnprobe.settings.training import TrainingSettings
from attnprobe.training.adam import Optimiser, adam_of

EMBEDDING_DIM = 200


class PooledClassifier(nn.Module):
    """A classifier whose tested attention pools a document's items and whose readout is affine.

    Attributes:
        attention: the tested attention module.
        head: the readout.
        unit: what an item is, ``word`` or ``sentence``.
    """

    unit: str

    def __init__(
        self, vocabulary_size: int, item_dim: int, classes: int, dropout: float, *, sparse: bool = True
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size, EMBEDDING_DIM, padding_idx=0, sparse=sparse)
        with torch.no_grad():  # rows of length one, as word2vec's are scaled to
            self.embedding.weight.copy_(nn.functional.normalize(self.embedding.weight, dim=-1))
        self.attention: PoolingAttention = AdditiveAttention(item_dim)
        self.pooled_dropout = BitDropout(dropout)
        self.head = nn.Linear(item_dim, classes)
        nn.init.xavier_uniform_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def items(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The vectors that the tested attention pools (documents, items, dim), and their mask (documents, items)."""
        raise NotImplementedError

    def items_of(self, words: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """The same of given embeddings in the place of those of the batch's words (words of all documents, dim).

        Of models alone whose items are words.
        """
        raise NotImplementedError

    def pooled(self, batch: Batch, masking: Masking | None = None) -> Tensor:
        """The vectors that the readout is given (documents, dim): to rounding what the attention makes of ``items``.

        Nothing is padded, so that it is faster; this is what is trained, and how accurate a model is seen by.

        Args:
            batch: the documents.
            masking: what of the attention is erased; nothing without it.
        """
        raise NotImplementedError

    def optimiser(self, settings: TrainingSettings) -> Optimiser:
        """Adam, which updates only the embeddings of words that the batch holds where their gradient is sparse."""
        return adam_of(self, settings)

    def forward(self, batch: Batch, masking: Masking | None = None) -> Tensor:
        """Logits (documents, classes); in training what ``masking`` says may be erased."""
        if self.training:
            return self.logits(batch, masking)
        values, mask = self.items(batch)
        logits: Tensor = self.head(pool(self.attention(values, mask, batch), values))
        return logits

    def logits(self, batch: Batch, masking: Masking | None = None) -> Tensor:
        """The same to rounding without padding, where nobody looks into the attention."""
        logits: Tensor = self.head(self.pooled_dropout(self.pooled(batch, masking)))
        return logits
