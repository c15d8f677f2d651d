"""Scores of items as orderings: the largest first, looked up by the documents' numbers; and their permuted twins."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from attnprobe.erasure.erasable import Erasable
from attnprobe.erasure.orderings import rank_at_random
from attnprobe.erasure.registered_orderings import Ordering
from attnprobe.erasure.sorting import stable_order_descending
from attnprobe.explanations.names import judged_as


@dataclass(frozen=True)
class ItemScores:
    """What an explanation gives the items of some documents.

    Attributes:
        numbers: of the documents in their split, ascending (documents,).
        sizes: items a document (documents,).
        scores: one after another (draws, items of all documents), finite, float64.
        places: 1 for an item that is erased before all others, −1 for one behind them, 0 where the score says it
            (items of all documents,).
    """

    numbers: npt.NDArray[np.int64]
    sizes: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float64]
    places: npt.NDArray[np.int8]

    def order(self, batch: Erasable) -> Tensor:
        """The largest score first, of equal ones the earlier item (draws, batch, items)."""
        scores, places = self._padded(batch)
        return _order(scores, places)

    def permuted_order(self, batch: Erasable, seeds: Tensor, salt: int) -> Tensor:
        """The same of scores that are shuffled within each document, among the items whose place they say.

        Args:
            batch: of documents.
            seeds: one integer a document (batch,).
            salt: what makes this shuffling another than that of other explanations.
        """
        scores, places = self._padded(batch)
        ranked = places == 0
        shuffled: Tensor = rank_at_random(ranked, len(scores), seeds ^ salt)
        in_order = stable_order_descending(ranked.int()).expand_as(shuffled)
        moved = torch.empty_like(scores).scatter_(-1, in_order, scores.gather(-1, shuffled))
        return _order(torch.where(ranked, moved, scores), places)

    def _padded(self, batch: Erasable) -> tuple[Tensor, Tensor]:
        """Scores (draws, batch, items) and places (batch, items) of a batch; −2 is padding's place."""
        mask = batch.attention.mask
        rows = np.searchsorted(self.numbers, batch.documents.cpu().numpy())
        first = torch.from_numpy((np.cumsum(self.sizes) - self.sizes)[rows])
        items = torch.arange(mask.shape[1])
        real = items < torch.from_numpy(self.sizes[rows])[:, None]
        assert torch.equal(real, mask.cpu()), "scores are of the very items"
        index = (first[:, None] + items).masked_fill(~real, 0)
        places = torch.from_numpy(self.places)[index].masked_fill(~real, -2)
        return torch.from_numpy(self.scores)[:, index].to(mask.device), places.to(mask.device)


def _order(scores: Tensor, places: Tensor) -> Tensor:
    """By place, then by score, then from left to right (draws, batch, items)."""
    by_score = stable_order_descending(scores)
    by_place = stable_order_descending(places.expand_as(scores).gather(-1, by_score))
    return by_score.gather(-1, by_place)


def explanation(name: str, scores: ItemScores) -> dict[str, Ordering]:
    """An explanation and its permuted twin, by name."""
    salt = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little", signed=True)
    own, twin = judged_as(name).items()
    return {
        own[0]: Ordering(own[1].title, lambda batch, seeds: scores.order(batch), own[1].role),
        twin[0]: Ordering(twin[1].title, lambda batch, seeds: scores.permuted_order(batch, seeds, salt), twin[1].role),
    }
