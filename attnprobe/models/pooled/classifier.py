"""What HAN and FLAN have in common: items pooled by attention, then one linear layer."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from attnprobe.data.batches import Batch
from attnprobe.models.pooled.attention import AdditiveAttention, pool
from attnprobe.settings.ranges import check_rates

EMBEDDING_DIM = 200


@dataclass(frozen=True)
class Dropout:
    """Dropout rates: on word embeddings, on sentence vectors (HAN alone), on the pooled vector before the head.

    The defaults are those of the 2019 IMDB configuration. Raises an InputError for a rate below 0, or of 1 or more.
    """

    words: float = 0.44446746096594764
    sentences: float = 0.22016423400055152
    document: float = 0.2457355626352195

    def __post_init__(self) -> None:
        check_rates(self, "words", "sentences", "document")


class PooledClassifier(nn.Module):
    """A classifier whose tested attention pools a document's items and whose readout is affine.

    Attributes:
        attention: the tested attention module.
        head: the readout.
        unit: what an item is, ``word`` or ``sentence``.
    """

    unit: str

    def __init__(self, vocabulary_size: int, item_dim: int, classes: int, dropout: float) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size, EMBEDDING_DIM, padding_idx=0, sparse=True)
        with torch.no_grad():  # rows of length one, as word2vec's are scaled to
            self.embedding.weight.copy_(nn.functional.normalize(self.embedding.weight, dim=-1))
        self.attention = AdditiveAttention(item_dim)
        self.pooled_dropout = nn.Dropout(dropout)
        self.head = nn.Linear(item_dim, classes)
        nn.init.xavier_uniform_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def items(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The vectors that the tested attention pools (documents, items, dim), and their mask (documents, items)."""
        raise NotImplementedError

    def optimisers(self, learning_rate: float) -> list[torch.optim.Optimizer]:
        """Adam; the embedding has one of its own that updates only the rows of words that the batch holds."""
        embedding = self.embedding.weight
        others = [parameter for parameter in self.parameters() if parameter is not embedding]
        return [torch.optim.SparseAdam([embedding], lr=learning_rate), torch.optim.Adam(others, lr=learning_rate)]

    def forward(self, batch: Batch) -> Tensor:
        """Logits (documents, classes)."""
        values, mask = self.items(batch)
        logits: Tensor = self.head(self.pooled_dropout(pool(self.attention(values, mask), values)))
        return logits
