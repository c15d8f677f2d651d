"""A transformer encoder over words, whose first token the decision is read from (Bhardwaj et al. 2021).

Every document gets the token [CLS] in front. Layers are those of Vaswani et al. (2017), normalised after each residual
sum, with attention of free widths and a choice between heads that are concatenated and heads that are added.
"""

from __future__ import annotations

from torch import Tensor, nn

from attnprobe.data.batches import Batch, pad
from attnprobe.erasure.masking import Masking
from attnprobe.models.layered_probe import MaskedRun, no_masking
from attnprobe.models.transformer.multi_head_attention import MultiHeadAttention
from attnprobe.settings.training import TrainingSettings
from attnprobe.settings.transformer import MASK, TransformerOptions
from attnprobe.training.adam import Optimiser, adam_of

FIRST_TOKEN = "[CLS]"

POSITION_STD = 0.02
"""Standard deviation of initial position embeddings."""


class EncoderLayer(nn.Module):
    """Attention, then a feed-forward network of each item, each with a residual sum that is normalised."""

    def __init__(self, options: TransformerOptions) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(options)
        self.attention_norm = nn.LayerNorm(options.d_e)
        self.feed_forward = nn.Sequential(
            nn.Linear(options.d_e, options.feed_forward_width),
            nn.ReLU(),
            nn.Linear(options.feed_forward_width, options.d_e),
        )
        self.feed_forward_norm = nn.LayerNorm(options.d_e)
        self.dropout = nn.Dropout(options.dropout)

    def forward(self, hidden: Tensor, mask: Tensor, rows: int | None = None) -> Tensor:
        """Hidden states (documents, items, d_e) of hidden states and their mask (documents, items).

        Args:
            hidden: what the layer is given.
            mask: True where an item is real.
            rows: the states of this many first items are enough; None is those of all.
        """
        attended = self.attention(hidden, mask, rows)
        hidden = self.attention_norm(hidden[:, :rows] + self.dropout(attended))
        normed: Tensor = self.feed_forward_norm(hidden + self.dropout(self.feed_forward(hidden)))
        return normed


class TransformerEncoder(nn.Module):
    """Embeddings, encoder layers, and a linear classifier of the first token's last state.

    Args:
        vocabulary_size: numbers of words, padding 0 included; the first token's number follows them.
        classes: how many.
        options: all else.
    """

    def __init__(self, vocabulary_size: int, classes: int, options: TransformerOptions) -> None:
        super().__init__()
        self.words = nn.Embedding(vocabulary_size + 1, options.d_e, padding_idx=0, sparse=True)
        self.positions = nn.Embedding(options.longest, options.d_e) if options.positions else None
        if self.positions is not None:  # much smaller than the words' N(0, 1), or words are hardly to be told in them
            nn.init.normal_(self.positions.weight, std=POSITION_STD)
        self.dropout = nn.Dropout(options.dropout)
        self.layers = nn.ModuleList(EncoderLayer(options) for _ in range(options.num_layers))
        self.head = nn.Linear(options.d_e, classes)
        self.rows_are_apart = MASK not in options.as_released

    def embedded(self, input_ids: Tensor) -> Tensor:
        """What the first layer is given (documents, items, d_e)."""
        hidden: Tensor = self.words(input_ids)
        if self.positions is not None:
            hidden = hidden + self.positions.weight[: input_ids.shape[1]]
        dropped: Tensor = self.dropout(hidden)
        return dropped

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Logits (documents, classes).

        Args:
            input_ids: numbers of words, the first token's in front, padding behind (documents, items).
            attention_mask: not zero where an item is real (documents, items).
        """
        hidden, mask = self.embedded(input_ids), attention_mask.bool()
        for layer in self.layers[:-1]:
            hidden = layer(hidden, mask)
        # Of the last layer only the first row is read. Training, which nobody looks into, computes no other.
        hidden = self.layers[-1](hidden, mask, 1 if self.training and self.rows_are_apart else None)
        logits: Tensor = self.head(hidden[:, 0])
        return logits


class TransformerClassifier(nn.Module):
    """The encoder as a classifier of batches of words.

    Attributes:
        options: what it is made with.
        encoder: it.
        first_token: the number of the first token.
        masked: what runs it with attention erased; set where it is trained so.
    """

    def __init__(self, vocabulary_size: int, classes: int, options: TransformerOptions) -> None:
        super().__init__()
        self.options = options
        self.encoder = TransformerEncoder(vocabulary_size, classes, options)
        self.first_token = vocabulary_size
        self.masked: MaskedRun[Batch] = no_masking

    def inputs(self, batch: Batch) -> dict[str, Tensor]:
        """What the encoder is called with: ``input_ids`` and ``attention_mask`` (documents, 1 + words)."""
        words, mask = pad(batch.words, batch.document_lengths)
        return {
            "input_ids": nn.functional.pad(words, (1, 0), value=self.first_token),
            "attention_mask": nn.functional.pad(mask, (1, 0), value=True),
        }

    def forward(self, batch: Batch, masking: Masking | None = None) -> Tensor:
        """Logits (documents, classes), perhaps with attention erased."""
        if masking is not None:
            return self.masked(batch, masking)
        logits: Tensor = self.encoder(**self.inputs(batch))
        return logits

    def logits(self, batch: Batch) -> Tensor:
        """The same."""
        return self.forward(batch)

    def optimiser(self, settings: TrainingSettings) -> Optimiser:
        """Adam, which updates only the embeddings of words that the batch holds."""
        return adam_of(self, settings)
