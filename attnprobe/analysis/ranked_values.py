"""Medians of weighted documents, for many weightings at once."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from attnprobe.analysis.bca import Numbers


class Ranked(NamedTuple):
    """The values that are not NaN in ascending order, and whose they are."""

    values: Numbers
    owners: npt.NDArray[np.int64]
    per_document: Numbers
    draws: int

    @classmethod
    def of(cls, column: Numbers) -> Ranked:
        """Of a column (documents, draws), NaN for no value."""
        owners, draws = np.nonzero(~np.isnan(column))
        values = column[owners, draws]
        order = np.argsort(values, kind="stable")
        per_document = np.bincount(owners, minlength=len(column)).astype(np.float64)
        return cls(values[order], owners[order], per_document, column.shape[1])

    def medians(self, counts: Numbers) -> Numbers:
        """The median of each resample (resamples,): the middle value, or the mean of the two in the middle.

        The half of the weight is looked for near the middle first: a standard deviation is half the square root of the
        number of documents, times the number of draws, at most. Where it is further off, all ranks are gone through.
        """
        middle = len(self.values) // 2
        reach = math.ceil(1.5 * self.draws * math.sqrt(len(self.per_document))) + 1
        near = slice(max(0, middle - reach), middle + reach)
        found = self._medians_within(near, counts)
        missed = np.isnan(found)
        if missed.any():
            found[missed] = self._medians_within(slice(0, len(self.values)), counts[missed])
        return found

    def _medians_within(self, near: slice, counts: Numbers) -> Numbers:
        """As ``medians``; NaN where the half of the weight does not lie among these ranks."""
        medians = np.full(len(counts), np.nan)
        if not len(self.values):
            return medians
        half = counts @ self.per_document / 2
        before = counts @ np.bincount(self.owners[: near.start], minlength=len(self.per_document))
        reached = np.cumsum(counts[:, self.owners[near]], axis=1) + before[:, None]
        inside = (before < half) & (reached[:, -1] > half)
        lower = (reached[inside] < half[inside, None]).sum(axis=1)
        upper = (reached[inside] <= half[inside, None]).sum(axis=1)
        medians[inside] = (self.values[near][lower] + self.values[near][upper]) / 2
        return medians
