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


def bca_ends(value: float, resampled: Numbers, influence: Numbers, level: float, scale: float) -> tuple[float, float]:
    """Ends of the BCa interval.

    Where no document has an influence (all values are equal, or all zero) the interval has zero width: z₀ and a are
    then 0/0, which is where other implementations return NaN.

    Args:
        value: the statistic on the documents as they are.
        resampled: the statistic on each resample (resamples,), finite.
        influence: of each document on the statistic, up to a common factor (documents,).
        level: .95 for an interval that is to cover the truth in 95 of 100 cases.
        scale: the largest number that went into an influence: what is below 1e-12 of it is rounding.
    """
    if np.abs(influence).max() <= ROUNDING * scale:
        return value, value
    bias = _bias(value, resampled)
    # By a power of two, which rounds nothing: cubes of tiny numbers would be zero.
    influence = np.ldexp(influence, -int(np.frexp(np.abs(influence).max())[1]))
    acceleration = np.sum(influence**3) / (6 * np.sum(influence**2) ** 1.5)
    normal = bias + ndtri(np.array([(1 - level) / 2, (1 + level) / 2]))
    # |a| is at most 1/6 and |z₀| at most 3.5, so that the denominator stays positive.
    low, high = np.quantile(resampled, ndtr(bias + normal / (1 - acceleration * normal)))
    return float(low), float(high)


def _bias(value: float, resampled: Numbers) -> float:
    """z₀: how far, in standard deviations, the statistic lies from the median of the resampled ones."""
    difference = resampled - value
    equal = np.abs(difference) <= ROUNDING * max(abs(value), float(np.abs(resampled).max()))
    share = (np.count_nonzero((difference < 0) & ~equal) + np.count_nonzero(equal) / 2) / len(resampled)
    end = 0.5 / len(resampled)
    return float(ndtri(min(max(share, end), 1 - end)))
