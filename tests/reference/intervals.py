"""Intervals and tests, written from the words of docs/statistics.md; nothing of attnprobe is used."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

Z = float(stats.norm.ppf(0.975))

SEED = 20_190_731
"""Of the resamples and flips that are drawn here; a run draws its own."""

RESAMPLES = 20_000
"""Ten times as many as a run draws, so that nearly all of what its ends differ by from these is its own chance."""

LARGEST_BCA = 5_000
"""Documents up to which a bootstrap is bias-corrected and accelerated."""

RESAMPLES_OF_A_RUN = {True: 2_000, False: 1_000}
"""Up to so many documents, and above."""

DEVIATIONS = 4
"""How many standard deviations of its own chance an end of a run's bootstrap may lie from the one found here."""


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval; an end is the range that chance in resampling leaves it, mostly of no width."""

    value: float
    low: tuple[float, float]
    high: tuple[float, float]

    def negated(self):
        """The same difference the other way round."""
        (low_low, low_high), (high_low, high_high) = self.low, self.high
        return Estimate(-self.value, (-high_high, -high_low), (-low_high, -low_low))

    @property
    def middle_low(self):
        """The lower end, as if it were known."""
        return sum(self.low) / 2

    @property
    def middle_high(self):
        """The upper end."""
        return sum(self.high) / 2


def exact(value, low, high):
    """An estimate whose ends are formulas."""
    return Estimate(float(value), (float(low), float(low)), (float(high), float(high)))


def wilson(count, n):
    """A share of yes-or-no outcomes with Wilson's interval."""
    low, high = _score_ends(count / n, n, Z)
    return exact(count / n, 0.0 if count == 0 else low, 1.0 if count == n else high)


def _score_ends(share, n, z):
    """The least and the largest p with (share − p)² ≤ z² p (1 − p) / n."""
    # The two roots of (1 + z²/n) p² − (2 share + z²/n) p + share² = 0.
    a, b, c = 1 + z**2 / n, 2 * share + z**2 / n, share**2
    root = np.sqrt(np.maximum(0.0, b**2 - 4 * a * c))
    return (b - root) / (2 * a), (b + root) / (2 * a)


def clopper_pearson(count, n):
    """The ends of the exact interval of a share."""
    low = 0.0 if count == 0 else stats.beta.ppf(0.025, count, n - count + 1)
    high = 1.0 if count == n else stats.beta.ppf(0.975, count + 1, n - count)
    return float(low), float(high)


def lead(earlier, later, n):
    """Share earlier less share later of n documents, of two orderings without chance: θ · (2π − 1) over an ellipse."""
    discordant = earlier + later
    least = Z**2 / (n + Z**2)
    if not discordant:
        return exact(0.0, -least, least)
    theta = wilson(discordant, n)
    delta = 2 * earlier / discordant - 1
    delta_low, delta_high = (2 * end - 1 for end in clopper_pearson(earlier, discordant))
    angle = np.linspace(0, 2 * np.pi, 400_001)
    x, y = np.cos(angle), np.sin(angle)
    shares = theta.value + x * np.where(x > 0, theta.high[0] - theta.value, theta.value - theta.low[0])
    deltas = delta + y * np.where(y > 0, delta_high - delta, delta - delta_low)
    products = shares * deltas
    return exact(theta.value * delta, products.min(), products.max())


def exact_sign_test(earlier, later):
    """The two-sided p of McNemar's exact test."""
    return float(stats.binomtest(earlier, earlier + later, 0.5).pvalue) if earlier + later else 1.0


def bootstrapped_means(columns, seed, shares=()):
    """Means over documents with bootstrap intervals, of columns (documents, statistics) that share the resamples.

    Of the columns whose numbers are in ``shares``, which lie between 0 and 1, an interval without width reaches as far
    as that of a share that none of the documents has.
    """
    columns = np.asarray(columns, dtype=float)
    n = len(columns)
    generator = np.random.default_rng(seed)
    chunk = max(1, min(RESAMPLES, 20_000_000 // n))
    draws = []
    for start in range(0, RESAMPLES, chunk):
        size = min(chunk, RESAMPLES - start)
        draws.append(generator.multinomial(n, np.full(n, 1 / n), size=size) @ columns / n)
    resampled = np.concatenate(draws)
    found = [_interval(column, resampled[:, each]) for each, column in enumerate(columns.T)]
    reach = Z**2 / (n + Z**2)
    for each in shares:
        value = found[each].value
        if n > 1 and np.ptp(columns[:, each]) < 1e-12:
            found[each] = exact(value, max(0.0, value - reach), min(1.0, value + reach))
    return found


def _interval(column, resampled):
    n, value = len(column), float(column.mean())
    influence = column - value
    spread = float((influence**2).sum())
    # The sums of one column in two orders differ by rounding, which is neither spread nor bias.
    if spread < 1e-20:
        return exact(value, value, value)
    is_bca, normal = n <= LARGEST_BCA, np.array([-Z, Z])
    resamples = RESAMPLES_OF_A_RUN[is_bca]
    bias = acceleration = error = 0.0
    if is_bca:
        rounding = 1e-12 * max(1.0, abs(value))
        below = (resampled < value - rounding).mean() + (abs(resampled - value) <= rounding).mean() / 2
        bias = stats.norm.ppf(np.clip(below, 1 / RESAMPLES, 1 - 1 / RESAMPLES))
        acceleration = float((influence**3).sum()) / (6 * spread**1.5)
        error = DEVIATIONS * np.sqrt(below * (1 - below) / resamples) / stats.norm.pdf(bias)

    def levels(bias):
        return stats.norm.cdf(bias + (bias + normal) / (1 - acceleration * (bias + normal)))

    found = levels(bias)
    # The quantile at level L of a run's draws is above x where fewer than L of them are below x: of all levels from
    # which the share of so many draws may be L.
    lowest, highest = _score_ends(found, resamples, DEVIATIONS)
    fewest = np.quantile(resampled, np.clip(found - np.hypot(found - levels(bias - error), found - lowest), 0, 1))
    most = np.quantile(resampled, np.clip(found + np.hypot(found - levels(bias + error), found - highest), 0, 1))
    low, high = ((float(ends[0]), float(ends[1])) for ends in zip(fewest, most, strict=True))
    return Estimate(value, low, high)


def sign_flip(differences, seed, assignments=20_000):
    """Two-sided p that the mean of each column of differences (documents, statistics) is zero, by flipping signs."""
    differences = np.asarray(differences, dtype=float)
    differences = differences[np.any(differences != 0, axis=1)]  # a flipped zero is the same zero
    n = len(differences)
    observed = abs(differences.sum(axis=0)) * (1 - 1e-12)
    if n <= 12:
        signs = 1.0 - 2.0 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)
        return (abs(signs @ differences) >= observed).mean(axis=0)
    generator = np.random.default_rng(seed)
    reached, done = np.zeros(differences.shape[1]), 0
    while done < assignments:
        size = min(assignments - done, max(1, 10_000_000 // n))
        signs = generator.integers(0, 2, size=(size, n), dtype=np.int8) * 2.0 - 1.0
        reached += (abs(signs @ differences) >= observed).sum(axis=0)
        done += size
    return (1 + reached) / (1 + assignments)


def holm(p):
    """Adjusted p-values: the i-th smallest of m times m − i, never below a smaller one's, at most 1."""
    p = np.asarray(p, dtype=float)
    order = np.argsort(p, kind="stable")
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(1, np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)))
    return adjusted
