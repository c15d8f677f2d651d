"""Ends of bootstrap intervals: bias-corrected and accelerated (BCa), or plain percentiles (Efron 1987).

With θ* the resampled statistics, θ the statistic, and l the influence of each document on it,

    z₀ = Φ⁻¹(share of θ* < θ, half of those that equal it),    a = Σ l³ / (6 (Σ l²)^1.5)
    ends: the quantiles of θ* at Φ(z₀ + (z₀ + z) / (1 − a (z₀ + z))), z = ∓1.96

The influence is known in closed form (of a ratio A/B of sums it is aᵢ − bᵢ A/B), so nothing is left out one by one: the
usual jackknife of n documents takes n² steps or, vectorised, n² numbers of memory.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

Numbers = npt.NDArray[np.float64]

ROUNDING = 1e-12
"""Numbers that differ by at most this share of the largest that went into them are equal."""


def percentile_ends(resampled: Numbers, level: float) -> tuple[float, float]:
    """The quantiles of the resampled statistics (resamples,) that leave (1 − level)/2 out on either side."""
    low, high = np.quantile(resampled, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def bca_ends(values: Numbers, resampled: Numbers, influence: Numbers, level: float, scales: Numbers) -> Numbers:
    """Ends of BCa intervals (statistics, 2), of many statistics at once: each has the ones that it would have alone.

    Where no document has an influence (all values are equal, or all zero) the interval has zero width: z₀ and a are
    then 0/0, which is where other implementations return NaN.

    Args:
        values: the statistics on the documents as they are (statistics,).
        resampled: the statistics on each resample (statistics, resamples), finite.
        influence: of each document on them, up to a factor of each statistic (statistics, documents).
        level: .95 for intervals that are to cover the truth in 95 of 100 cases.
        scales: the largest number that went into the influences on a statistic (statistics,): what is below 1e-12 of it
            is rounding.
    """
    ends = np.stack([values, values], axis=1)
    largest = np.abs(influence).max(axis=1)
    wide = largest > ROUNDING * scales
    if not wide.all():
        values, resampled, influence, largest = values[wide], resampled[wide], influence[wide], largest[wide]
    bias = _bias(values, resampled)[:, None]
    # By a power of two, which rounds nothing: cubes of tiny numbers would be zero.
    influence = np.ldexp(influence, -np.frexp(largest)[1][:, None])
    cubes, squares = np.sum(influence**3, axis=1), np.sum(influence**2, axis=1)
    # One by one: whole arrays are raised to broken powers by other code, which rounds in another way.
    acceleration = np.array([cube / (6 * square**1.5) for cube, square in zip(cubes, squares, strict=True)])[:, None]
    normal = bias + ndtri(np.array([(1 - level) / 2, (1 + level) / 2]))
    # |a| is at most 1/6 and |z₀| at most 3.5, so that the denominator stays positive.
    ends[wide] = _quantiles(resampled, ndtr(bias + normal / (1 - acceleration * normal)))
    return ends


def _bias(values: Numbers, resampled: Numbers) -> Numbers:
    """z₀ (statistics,): how far, in standard deviations, each lies from the median of its resampled ones."""
    difference = resampled - values[:, None]
    equal = np.abs(difference) <= (ROUNDING * np.maximum(np.abs(values), np.abs(resampled).max(axis=1)))[:, None]
    below = np.count_nonzero((difference < 0) & ~equal, axis=1)
    count = resampled.shape[1]
    share = (below + np.count_nonzero(equal, axis=1) / 2) / count
    bias: Numbers = ndtri(np.clip(share, 0.5 / count, 1 - 0.5 / count))
    return bias


def _quantiles(rows: Numbers, shares: Numbers) -> Numbers:
    """As ``np.quantile`` has them, bit for bit, of each row (rows, numbers) at shares of its own (rows, shares)."""
    ordered = np.sort(rows, axis=1)
    place = (rows.shape[1] - 1) * shares
    before = np.floor(place).astype(np.intp)
    least, most = (np.take_along_axis(ordered, at, 1) for at in (before, np.minimum(before + 1, rows.shape[1] - 1)))
    part, step = place - before, most - least
    quantiles: Numbers = np.where(part >= 0.5, most - step * (1 - part), least + step * part)
    return quantiles
