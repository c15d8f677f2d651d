"""Multi-head self-attention whose widths are free and whose heads are concatenated or added (Bhardwaj et al. 2021).

A head's output is A_h V_h with V_h (items × d_v). Concatenated heads go through one map W_O (h d_v × d_e), whose slices
D_h (d_v × d_e) make the layer's output Σ_h A_h V_h D_h: so concatenation *is* addition of heads with a map of their
own. Heads that are added before the map share one D.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from attnprobe.identifiability.as_released import (
    added_heads,
    inverted_masked_scores,
    masked_scores,
    released_scale,
    reshaped_head_sum,
    scale,
)
from attnprobe.settings.transformer import ADD, HEAD_SUM, MASK, SCALE, TransformerOptions


class MultiHeadAttention(nn.Module):
    """Attention of every item to every item of its document.

    Its softmax is computed in this module's own forward function, on scores (documents, heads, items, items): so
    weights can be seen and edited there.

    Args:
        options: widths, heads, their combination.
    """

    def __init__(self, options: TransformerOptions) -> None:
        super().__init__()
        self.heads = options.num_heads
        self.added = options.combine == ADD
        self.as_released = options.as_released
        d_k, d_v = options.key_width, options.value_width
        self.scale = released_scale(d_v) if SCALE in options.as_released else scale(d_k)
        # The usual initial weights depend on d_e alone: so scores begin with the same variance whatever d_k is.
        self.query = nn.Linear(options.d_e, self.heads * d_k)
        self.key = nn.Linear(options.d_e, self.heads * d_k)
        self.value = nn.Linear(options.d_e, self.heads * d_v)
        self.output = nn.Linear(options.output_width, options.d_e)
        self.dropout = nn.Dropout(options.dropout)

    def forward(self, hidden: Tensor, mask: Tensor, rows: int | None = None) -> Tensor:
        """The layer's output (documents, items, d_e).

        Args:
            hidden: (documents, items, d_e).
            mask: True where an item is real (documents, items).
            rows: the output of this many first items is enough; None is that of all.
        """
        weights = self.dropout(torch.softmax(self.scores(hidden, mask, rows), dim=-1))
        return self.combined(torch.matmul(weights, self.values(hidden)))

    def scores(self, hidden: Tensor, mask: Tensor, rows: int | None = None) -> Tensor:
        """Scaled products of queries and keys (documents, heads, rows, items), masked."""
        queries, keys = self._by_head(self.query(hidden[:, :rows])), self._by_head(self.key(hidden))
        scores = torch.matmul(queries * self.scale, keys.transpose(-1, -2))
        return inverted_masked_scores(scores, mask) if MASK in self.as_released else masked_scores(scores, mask)

    def values(self, hidden: Tensor) -> Tensor:
        """What each head averages (documents, heads, items, d_v)."""
        return self._by_head(self.value(hidden))

    def combined(self, contexts: Tensor) -> Tensor:
        """The layer's output (documents, items, d_e) of the heads' averages (documents, heads, items, d_v)."""
        by_item = contexts.transpose(1, 2)
        if not self.added:
            joined = by_item.flatten(2)
        elif HEAD_SUM in self.as_released:
            joined = reshaped_head_sum(by_item)
        else:
            joined = added_heads(by_item)
        combined: Tensor = self.output(joined)
        return combined

    def output_maps(self) -> Tensor:
        """D_h (heads, d_v, d_e): the linear map from each head's average to the layer's output, biases left out."""
        heads, width = self.heads, self.value.out_features // self.heads
        alone = torch.eye(heads * width, dtype=self.output.weight.dtype, device=self.output.weight.device)
        # One coordinate of one head at a time, as documents of one item.
        outputs = self.combined(alone.view(-1, heads, 1, width))[:, 0]
        return (outputs - self.output.bias).view(heads, width, -1)

    def _by_head(self, joined: Tensor) -> Tensor:
        return joined.view(*joined.shape[:2], self.heads, -1).transpose(1, 2)
