"""Erasing at random while a model is trained, so that what erasure tests show it is nothing new to it.

Of a document's items a *share*, uniform from 0 to 1, is drawn, and each item is erased with that probability: the
number of erased items is then uniform from 0 to n (a beta-binomial with both parameters 1), and every set of that size
is as likely. Half of the documents are left whole. After Madsen, Reddy & Chandar (ICML 2024), who mask the input; here
attention weights are erased, in a named way. What is drawn belongs to a document, its seed and the epoch: it is the
same in any batch, with any padding, on any device.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from attnprobe.erasure.meaning import Meaning
from attnprobe.erasure.split_mix import split_mix, uniform_numbers
from attnprobe.erasure.stand_ins import RowsOfAttention

_SHARE, _PLACE, _COIN = -1, -2, -3
"""In the place of an item's position, for what is drawn of a document as a whole."""

_APART = 0x6D61736B
"""Keeps what is drawn here apart from the random orderings, which have the same seeds."""


@dataclass(frozen=True)
class Masking:
    """What of the attention of some documents is erased.

    Attributes:
        streams: what a document's draws are made of (documents,), int64.
        shares: with which probability each of a document's items is erased (documents,), float64.
        meaning: what is meant by erased.
    """

    streams: Tensor
    shares: Tensor
    meaning: Meaning

    @classmethod
    def drawn(cls, seeds: Tensor, epoch: int, meaning: Meaning) -> Masking:
        """Of every document a uniform share of its items.

        Args:
            seeds: one integer a document (documents,), int64.
            epoch: with another one, something else is drawn.
            meaning: what is meant by erased.
        """
        streams = split_mix(split_mix(seeds ^ _APART) + epoch)
        return cls(streams, uniform_numbers(streams, torch.full_like(streams, _SHARE)), meaning)

    def half_of_batch(self) -> Masking:
        """The same with half of these documents left whole: those with the larger draws; of an odd one a coin says."""
        numbers = self._of_documents(_PLACE)
        place = numbers.argsort(stable=True).argsort(stable=True)
        return self._in(place + self._of_documents(_COIN) < len(place) / 2)

    def half_of_all(self) -> Masking:
        """The same with each document left whole with probability ½, whoever shares its batch."""
        return self._in(self._of_documents(_COIN) < 0.5)

    def some(self, rows: Tensor) -> Masking:
        """Of some of the documents (rows,)."""
        return Masking(self.streams[rows], self.shares[rows], self.meaning)

    def to(self, device: torch.device) -> Masking:
        """The same on a device."""
        return Masking(self.streams.to(device), self.shares.to(device), self.meaning)

    def erased(self, mask: Tensor) -> Tensor:
        """True where an item is erased (documents, items), of real ones, which ``mask`` (documents, items) says."""
        positions = torch.arange(mask.shape[1], device=mask.device)
        return mask & (uniform_numbers(self.streams[:, None], positions) < self.shares[:, None])

    def edited(self, weights: Tensor, mask: Tensor, scores: Tensor | None = None) -> Tensor:
        """Attention (documents, items) after erasing; differentiable.

        Args:
            weights: before.
            mask: True where an item is real.
            scores: the weights' logarithms up to a constant a document, where they are known.
        """
        return self.meaning.edit(weights, self.erased(mask), scores)

    def stood_in(self, weights: Tensor, edited: Tensor, values: Tensor, mask: Tensor) -> Tensor | None:
        """What takes the mass that rows have lost (documents, dim), of one draw; differentiable. None: nothing does.

        Args:
            weights: attention before (documents, items).
            edited: after erasing.
            values: what it weighs (documents, items, dim), zero at padding.
            mask: True where an item is real.
        """
        if not self.meaning.has_stand_in:
            return None
        vectors = self.meaning.stand_ins(RowsOfAttention(values, mask[:, None], self.streams))
        assert vectors is not None
        return (weights - edited).sum(-1, keepdim=True) * vectors[0, :, 0]

    def _of_documents(self, what: int) -> Tensor:
        return uniform_numbers(self.streams, torch.full_like(self.streams, what))

    def _in(self, masked: Tensor) -> Masking:
        return Masking(self.streams, torch.where(masked, self.shares, 0.0), self.meaning)
