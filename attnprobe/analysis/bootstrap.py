"""Bootstrap over documents (Efron & Tibshirani 1993, ch. 13 and 14): intervals of means, ratios, differences, medians.

Documents are drawn with replacement, 2,000 times (1,000 above 5,000 documents), with everything that belongs to them:
all the random orderings of a document stay together. A table's statistics all see the same resamples, so that they can
be compared, and what two orderings do to the same documents is compared in pairs.

Which interval: of means, ratios and differences BCa up to 5,000 documents, percentiles above, where the two agree; of
medians percentiles. Shares of a plain yes or no have Wilson's (``intervals``) instead: a bootstrap of a share that is
0 or 1 has zero width. An interval is about other documents like these, given the trained model: what another training
seed would give is not in it (``across_runs``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator, Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from attnprobe.analysis.bca import Numbers as Numbers
from attnprobe.analysis.bca import bca_ends, percentile_ends
from attnprobe.analysis.ranked_values import Ranked

RESAMPLES = 2000
RESAMPLES_OF_MANY = 1000
"""Above ``BCA_UP_TO`` documents; percentiles need fewer."""

LEVEL = 0.95
SEED = 20190729
"""Of the resampling: the same tables give the same intervals."""

BCA_UP_TO = 5000
"""Documents up to which intervals are bias-corrected and accelerated."""

CHUNK = 1 << 20
"""Resamples × documents that are held as floating-point numbers at a time. Four times as many cost three times as much,
most of it for fresh pages of memory; with half as many BLAS would add in another order where columns are few."""

KEPT = 4_000_000
"""Resamples × documents up to which they are kept as floating-point numbers, and as bytes above."""

FEWEST_AT_ONCE = 32
"""Resamples that are taken at once however many documents there are: fewer would go through all columns for little."""

ALIKE_FROM = 256
"""Documents from which on columns that are alike are summed once. Of fewer it would save nothing, and BLAS, which has
another way for small products, would add in another order than with all of them."""

STATISTICS_AT_ONCE = 64
"""Statistics whose intervals are found at once: their resamples are a megabyte."""

Key = TypeVar("Key", bound=Hashable)
Places = npt.NDArray[np.int64]
Ratio = tuple[Numbers, Numbers]
"""Numerators and denominators (documents,)."""


class Estimate(NamedTuple):
    """A statistic, its 95 % interval and how many documents it is made of.

    Without a document that has one the value is NaN; from a single document there is no interval, and its ends are NaN.
    """

    value: float
    low: float
    high: float
    n: int


def resampling_counts(documents: int) -> Iterator[Numbers]:
    """How often each resample draws each document: a row a resample, in chunks (resamples, documents)."""
    resamples = RESAMPLES if documents <= BCA_UP_TO else RESAMPLES_OF_MANY
    rows = max(FEWEST_AT_ONCE, math.ceil(resamples / math.ceil(resamples * max(documents, 1) / CHUNK)))
    counts = _counts(documents, resamples, rows)
    for start in range(0, resamples, rows):
        yield counts[start : start + rows].astype(np.float64, copy=False)


@lru_cache(maxsize=2)
def _counts(documents: int, resamples: int, rows: int) -> npt.NDArray[np.uint8] | Numbers:
    """All of them, drawn so many rows at a time; kept, since a report asks for the same ones some twenty times.

    That one of 256 documents or more is drawn over 255 times in a resample has a probability below 1e-500.
    """
    generator = np.random.default_rng(SEED)
    counts = np.empty((resamples, documents), dtype=np.float64 if resamples * documents <= KEPT else np.uint8)
    for start in range(0, resamples, rows):
        size = min(rows, resamples - start)
        drawn = generator.integers(documents, size=(size, documents))
        drawn += np.arange(size)[:, None] * documents
        counts[start : start + size] = np.bincount(drawn.ravel(), minlength=drawn.size).reshape(size, documents)
    return counts


def forget_resamples() -> None:
    """Free what is kept for the next statistic: of many documents 100 MB, of some thousand 30."""
    _counts.cache_clear()


def ratios(columns: Mapping[Key, Ratio]) -> dict[Key, Estimate]:
    """Ratios of sums over documents, all in one pass.

    Args:
        columns: numerators and denominators (documents,) of each statistic, finite. A document with denominator zero
            has no part in it.
    """
    if not columns:
        return {}
    above = np.column_stack([numerator for numerator, _ in columns.values()]).astype(np.float64)
    below = np.column_stack([denominator for _, denominator in columns.values()]).astype(np.float64)
    resampled = _resampled_ratios(above, below)
    values = _divide(above.sum(axis=0), below.sum(axis=0))

    def influence(chosen: Places) -> tuple[Numbers, Numbers]:
        return _influence(values[chosen], above[:, chosen], below[:, chosen])

    return dict(zip(columns, _estimates(values, resampled, np.count_nonzero(below, axis=0), influence), strict=True))


class Compared(NamedTuple):
    """Two statistics and their difference, ``first`` − ``second``, whose ``n`` counts the documents in either."""

    first: Estimate
    second: Estimate
    difference: Estimate


def compare_ratios(columns: Mapping[Key, tuple[Ratio, Ratio]]) -> dict[Key, Compared]:
    """Two ratios of sums over documents and their difference, all in one pass.

    Without two documents on either side the difference has no interval.

    Args:
        columns: of each statistic two ratios, as ``ratios`` takes them. Means of two groups of documents have the
            documents of their group in the denominators.
    """
    if not columns:
        return {}
    pairs = [ratio for pair in columns.values() for ratio in pair]
    above, below = (np.column_stack([ratio[part] for ratio in pairs]).astype(np.float64) for part in (0, 1))
    resampled = _resampled_ratios(above, below)
    values, sums = _divide(above.sum(axis=0), below.sum(axis=0)), below.sum(axis=0)
    counts = np.count_nonzero(below, axis=0)

    def influence(chosen: Places) -> tuple[Numbers, Numbers]:
        return _influence(values[chosen], above[:, chosen], below[:, chosen])

    def on_difference(chosen: Places) -> tuple[Numbers, Numbers]:
        (first, scale), (second, other_scale) = influence(2 * chosen), influence(2 * chosen + 1)
        one, other = sums[2 * chosen], sums[2 * chosen + 1]
        scales = np.maximum(scale / np.abs(one), other_scale / np.abs(other))
        return first / one[:, None] - second / other[:, None], scales

    sides = _estimates(values, resampled, counts, influence)
    either = np.count_nonzero(below[:, ::2].astype(bool) | below[:, 1::2].astype(bool), axis=0)
    enough = np.minimum(counts[::2], counts[1::2]) > 1
    differences = np.where(enough, resampled[:, ::2] - resampled[:, 1::2], np.nan)
    differing = _estimates(values[::2] - values[1::2], differences, either, on_difference)
    return dict(zip(columns, map(Compared, sides[::2], sides[1::2], differing), strict=True))


def _resampled_ratios(above: Numbers, below: Numbers) -> Numbers:
    """The ratios of the columns' sums in each resample (resamples, columns); NaN where a denominator is zero.

    Half of the columns are there more than once, as statistics of the same documents have the same denominators: each
    is summed once.
    """
    places: dict[bytes | int, int] = {}
    different: list[Numbers] = []
    place_of: list[int] = []
    for number, column in enumerate((*above.T, *below.T)):
        key = blake2b(column.tobytes()).digest() if len(column) >= ALIKE_FROM else number
        place = places.setdefault(key, len(places))
        place_of.append(place)
        if place == len(different):
            different.append(column)
    both = np.column_stack(different)
    sums = [counts @ both for counts in resampling_counts(len(both))] if len(both) else []
    summed = np.concatenate([*sums, np.empty((0, len(different)))])
    return _divide(*(summed[:, part] for part in np.hsplit(np.array(place_of), 2)))


def _influence(values: Numbers, above: Numbers, below: Numbers) -> tuple[Numbers, Numbers]:
    """Each document's influence on ratios of sums, times the denominators; and how large its two terms are.

    (statistics, documents) and (statistics,), of values (statistics,) and columns (documents, statistics).
    """
    above, below = np.ascontiguousarray(above.T), np.ascontiguousarray(below.T)
    explained = values[:, None] * below
    scales = np.maximum(np.abs(above).max(axis=1, initial=0), np.abs(explained).max(axis=1, initial=0))
    return above - explained, scales


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
    ranked = {key: Ranked.of(values) for key, values in columns.items()}
    resampled: dict[Key, list[Numbers]] = {key: [np.empty(0)] for key in columns}
    documents = len(next(iter(columns.values()), np.empty(0)))
    for counts in resampling_counts(documents) if documents else ():
        for key, values in ranked.items():
            resampled[key].append(values.medians(counts))
    everyone = np.ones((1, documents))
    return {
        key: _by_percentiles(
            values.medians(everyone)[0], np.concatenate(resampled[key]), int(np.count_nonzero(values.per_document))
        )
        for key, values in ranked.items()
    }


def _estimates(
    values: Numbers,
    resampled: Numbers,
    counts: npt.NDArray[np.int64],
    influence: Callable[[Places], tuple[Numbers, Numbers]],
) -> list[Estimate]:
    """Of each statistic its value and interval: BCa of up to 5,000 documents that it is made of, percentiles above.

    Args:
        values: (statistics,).
        resampled: (resamples, statistics); NaN where a resample has none.
        counts: of how many documents each is made (statistics,).
        influence: gives that of each document on some of the statistics (some, documents), and the largest number that
            went into it (some,).
    """
    ends = np.full((len(values), 2), np.nan)
    missing = np.isnan(resampled).any(axis=0)
    whole = np.flatnonzero((counts > 1) & (counts <= BCA_UP_TO) & ~missing)
    for start in range(0, len(whole), STATISTICS_AT_ONCE):
        chosen = whole[start : start + STATISTICS_AT_ONCE]
        ends[chosen] = _bca(values, resampled[:, chosen], influence, chosen)
    for place in np.flatnonzero((counts > BCA_UP_TO) | (counts > 1) & missing).tolist():
        defined = resampled[~np.isnan(resampled[:, place]), place]
        if not len(defined):
            continue
        if counts[place] > BCA_UP_TO:
            ends[place] = percentile_ends(defined, LEVEL)
        else:
            ends[place] = _bca(values, defined[:, None], influence, np.array([place]))
    return list(map(Estimate, values.tolist(), *ends.T.tolist(), counts.tolist()))


def _bca(
    values: Numbers, resampled: Numbers, influence: Callable[[Places], tuple[Numbers, Numbers]], chosen: Places
) -> Numbers:
    moved, scales = influence(chosen)
    return bca_ends(values[chosen], np.ascontiguousarray(resampled.T), moved, LEVEL, scales)


def _by_percentiles(value: float, resampled: Numbers, n: int) -> Estimate:
    """A statistic with the percentiles of those of its resamples (resamples,) that are not NaN."""
    defined = resampled[~np.isnan(resampled)]
    if n < 2 or not len(defined):
        return Estimate(float(value), math.nan, math.nan, n)
    return Estimate(float(value), *percentile_ends(defined, LEVEL), n)


def _divide(above: Numbers, below: Numbers) -> Numbers:
    quotient = np.full(above.shape, np.nan)
    np.divide(above, below, out=quotient, where=below != 0)
    return quotient
