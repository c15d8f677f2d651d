"""Sets of given sizes of documents with several rivals: the mean leads of a set, and the largest mean of their sums."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from attnprobe.erasure.largest_means import LargestMeans, Rows, largest_means


class SizedSets(NamedTuple):
    """All sets of one size of one document, a row each.

    Attributes:
        mass: weights (rows, items).
        leads: of the decision over each rival, of each item alone (rows, rivals, items).
        size: (rows,).
        forced: −∞ where an item has no mass, else 0 (rows, items).
    """

    mass: Tensor
    leads: Tensor
    size: Tensor
    forced: Tensor

    def of(self, which: Tensor) -> SizedSets:
        """Some of the rows."""
        return SizedSets(*(part[which] for part in self))

    def largest(self, weights: Tensor, offset: float | Tensor = 0.0) -> LargestMeans:
        """The largest mean of the leads times weights (rows, rivals), and ``offset`` (rows, 1) besides."""
        terms = torch.matmul(weights[:, None], self.leads).squeeze(1) + offset
        whole = (self.mass * terms).sum(-1) / self.mass.sum(-1)
        return largest_means(Rows(self.mass, terms, self.size, self.forced), whole)

    def means(self, members: Tensor) -> Tensor:
        """The mean leads (rows, rivals) of sets (rows, items)."""
        kept = self.mass * members
        return torch.matmul(self.leads, kept[..., None]).squeeze(-1) / kept.sum(-1, keepdim=True)
