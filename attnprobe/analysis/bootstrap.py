"""Percentile bootstrap over documents (Efron & Tibshirani 1993, ch. 13).

Documents are drawn with replacement, 1,000 times, with everything that belongs to them: all the random orderings of a
document stay together. A table's statistics all see the same resamples, so that they can be compared.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Mapping
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

RESAMPLES = 1000
LEVEL = 0.95
SEED = 20190729
"""Of the resampling: the same tables give the same intervals."""

CHUNK = 4_000_000
"""Most resamples × documents that are held at a time."""

Numbers = npt.NDArray[np.float64]
Key = TypeVar("Key", bound=Hashable)


class Estimate(NamedTuple):
    """A statistic, its 95 % interval and how many documents it is made of.

    Without a document that has one the value is NaN; from a single document there is no interval, and its ends are NaN.
    """

    value: float
    low: float
    high: float
    n: int


def resampling_counts(documents: int) -> Iterator[Numbers]:
    """How often each resample draws each document: ``RESAMPLES`` rows in chunks (resamples, documents)."""
    generator = np.random.default_rng(SEED)
    rows = max(1, CHUNK // max(documents, 1))
    for start in range(0, RESAMPLES, rows):
        size = min(rows, RESAMPLES - start)
        drawn = generator.integers(documents, size=(size, documents))
        drawn += np.arange(size)[:, None] * documents
        yield np.bincount(drawn.ravel(), minlength=size * documents).reshape(size, documents).astype(np.float64)


def ratios(columns: Mapping[Key, tuple[Numbers, Numbers]]) -> dict[Key, Estimate]:
    """Ratios of sums over documents, all in one pass.

    Args:
        columns: numerators and denominators (documents,) of each statistic, finite. A document with denominator zero
            has no part in it.
    """
    if not columns:
        return {}
    above = np.column_stack([numerator for numerator, _ in columns.values()]).astype(np.float64)
    below = np.column_stack([denominator for _, denominator in columns.values()]).astype(np.float64)
    both = np.hstack([above, below])
    sums = [counts @ both for counts in resampling_counts(len(both))] if len(both) else []
    resampled = _divide(*np.hsplit(np.concatenate([*sums, np.empty((0, both.shape[1]))]), 2))
    values = _divide(above.sum(axis=0), below.sum(axis=0))
    sizes = (below != 0).sum(axis=0).tolist()
    return {key: _estimate(values[i], resampled[:, i], sizes[i]) for i, key in enumerate(columns)}


def means(columns: Mapping[Key, Numbers]) -> dict[Key, Estimate]:
    """Means, all in one pass, of arrays (documents,) or (documents, draws); NaN are left out.

    Draws are pooled: the mean is over every draw of every document that is not NaN.
    """
    return ratios({key: pooled(column) for key, column in columns.items()})


def pooled(values: Numbers) -> tuple[Numbers, Numbers]:
    """Sum and number of a document's values that are not NaN: (documents,) each, of (documents[, draws])."""
    by_draw = values if values.ndim == 2 else values[:, None]
    return np.nansum(by_draw, axis=1), (~np.isnan(by_draw)).sum(axis=1).astype(np.float64)


def medians(columns: Mapping[Key, Numbers]) -> dict[Key, Estimate]:
    """Medians, all in one pass, of arrays (documents, draws); NaN are left out and draws pooled."""
    ranked = {key: _Ranked.of(values) for key, values in columns.items()}
    resampled: dict[Key, list[Numbers]] = {key: [np.empty(0)] for key in columns}
    documents = len(next(iter(columns.values()), np.empty(0)))
    for counts in resampling_counts(documents) if documents else ():
        for key, values in ranked.items():
            resampled[key].append(values.medians(counts))
    everyone = np.ones((1, documents))
    return {
        key: _estimate(
            values.medians(everyone)[0], np.concatenate(resampled[key]), int(np.count_nonzero(values.per_document))
        )
        for key, values in ranked.items()
    }


class _Ranked(NamedTuple):
    """The values that are not NaN in ascending order, and whose they are."""

    values: Numbers
    owners: npt.NDArray[np.int64]
    per_document: Numbers
    draws: int

    @classmethod
    def of(cls, column: Numbers) -> _Ranked:
        owners, draws = np.nonzero(~np.isnan(column))
        values = column[owners, draws]
        order = np.argsort(values, kind="stable")
        per_document = np.bincount(owners, minlength=len(column)).astype(np.float64)
        return cls(values[order], owners[order], per_document, column.shape[1])

    def medians(self, counts: Numbers) -> Numbers:
        """The median of each resample (resamples,): the middle value, or the mean of the two in the middle.

        The half of the weight is looked for near the middle first. A resample moves it by about half the square root
        of the number of documents, times the number of draws at most.
        """
        middle = len(self.values) // 2
        reach = math.ceil(3 * self.draws * math.sqrt(len(self.per_document))) + 1
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


def _estimate(value: float, resampled: Numbers, n: int) -> Estimate:
    defined = resampled[~np.isnan(resampled)]
    if n < 2 or not len(defined):
        return Estimate(float(value), math.nan, math.nan, int(n))
    low, high = np.quantile(defined, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(float(value), float(low), float(high), int(n))


def _divide(above: Numbers, below: Numbers) -> Numbers:
    quotient = np.full(above.shape, np.nan)
    np.divide(above, below, out=quotient, where=below != 0)
    return quotient
