"""Items and tokens: a word is erased as all of its pieces, an ordering is one of items."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor


@dataclass(frozen=True)
class Items:
    """Which item of its document each token belongs to.

    Attributes:
        of_token: item numbers (batch, tokens), −1 at padding.
        mask: True where an item is real (batch, items).
        sizes: how many items there are (batch,).
        sink: True where a token is of a first item that is none, because it is a sink of attention (batch, tokens);
            None where no such item is left out.
    """

    of_token: Tensor
    mask: Tensor
    sizes: Tensor
    sink: Tensor | None = None

    @classmethod
    def of(cls, of_token: Tensor) -> Items:
        """From the item of each token (batch, tokens), −1 at padding; numbered from 0 without gaps."""
        sizes = of_token.amax(-1) + 1
        return cls(of_token, torch.arange(int(sizes.max()), device=sizes.device) < sizes[:, None], sizes)

    @classmethod
    def single_tokens(cls, mask: Tensor) -> Items:
        """Every real token is an item; ``mask`` (batch, tokens)."""
        return cls.of((mask.cumsum(-1) - 1).masked_fill(~mask, -1))

    def without_first(self) -> Items:
        """The same without the first item, which is then none, of the documents that have others."""
        several = (self.sizes > 1)[:, None]
        others = Items.of(self.of_token - (several & (self.of_token >= 0)).to(self.of_token.dtype))
        return replace(others, sink=several & (self.of_token == 0))

    @cached_property
    def are_tokens(self) -> bool:
        """Whether every item is the token at its own position, so that there is nothing to sum."""
        tokens = self.of_token.shape[1]
        positions = torch.arange(tokens, device=self.of_token.device)
        return self.mask.shape[1] == tokens and bool(((self.of_token == positions) | (self.of_token < 0)).all())

    @cached_property
    def some_in_none(self) -> bool:
        """Whether some tokens, padding included, are in no item."""
        return bool((self.of_token < 0).any())

    def sum(self, tokens: Tensor) -> Tensor:
        """Sums over each item's tokens (batch, …, items) of numbers of tokens (batch, …, tokens)."""
        index = self.of_token.clamp(min=0).view(len(self.mask), *[1] * (tokens.dim() - 2), -1).expand_as(tokens)
        padding = (self.of_token < 0).view(len(self.mask), *[1] * (tokens.dim() - 2), -1)
        sums = tokens.new_zeros(*tokens.shape[:-1], self.mask.shape[1])
        return sums.scatter_add(-1, index, tokens.masked_fill(padding, 0.0))

    def mean(self, tokens: Tensor) -> Tensor:
        """Means over each item's tokens (batch, items) of numbers of tokens (batch, tokens)."""
        return self.sum(tokens) / self.sum(torch.ones_like(tokens)).clamp(min=1)

    def tokens(self, documents: Tensor, items: Tensor) -> Tensor:
        """Sets of items of these documents (rows, items), as sets of tokens (rows, tokens)."""
        of_token = self.of_token[documents]
        return items.gather(1, of_token.clamp(min=0)) & (of_token >= 0)
