"""In how many documents an ordering is better than chance, from the counts in erasures.parquet.

Ties among random orders are broken by a run's own draws: what is found here is the range that these leave.
"""

import numpy as np

from tests.reference.intervals import DEVIATIONS, SEED, Z

RATE = 0.05
RESAMPLES_OF_A_RUN = 2_000


def better_than_chance(tables, names):
    """(documents, random orders of each, name → three ranges: of the share, of its lower and of its upper end)."""
    if "random_tried" not in tables.erasures or tables.erasures["random_tried"].isna().all():
        return 0, 0, {}
    found = {}
    for name in names:
        tried, better, equal = (tables.of(name, f"random_{what}") for what in ("tried", "better", "equal"))
        known = ~np.isnan(tried).any(axis=1)
        tried, better, equal = tried[known], better[known], equal[known]
        found[name] = _ranges(better / (tried + 1), (better + equal + 1) / (tried + 1))
    return int(known.sum()), int(tried.min()), found


def _ranges(least, most):
    """Of documents (documents, draws) whose p-values are between these."""
    shares = sorted(_share(p) for p in (least, most))
    generator = np.random.default_rng(SEED)
    n, resampled = len(least), []
    for p in (least, most):
        rows = (generator.integers(n, size=n) for _ in range(RESAMPLES_OF_A_RUN))
        resampled.append(np.sort([_share(p[chosen]) for chosen in rows]))
    ends = []
    for quantile in (0.025, 0.975):
        # Two sets of resamples, the run's and this one's.
        error = DEVIATIONS * np.sqrt(2 * quantile * (1 - quantile) / RESAMPLES_OF_A_RUN)
        between = [np.quantile(each, np.clip(quantile + sign * error, 0, 1)) for each in resampled for sign in (-1, 1)]
        ends.append((min(between), max(between)))
    if n > 1 and ends[0] == ends[1] and len(set(ends[0])) == 1:
        reach = Z**2 / (n + Z**2)
        ends = [(max(0.0, shares[0] - reach),) * 2, (min(1.0, shares[1] + reach),) * 2]
    return tuple(shares), *ends


def _share(p):
    """Benjamini and Hochberg's: the largest k for which the k-th smallest p is at most k/n · 5 %; mean over draws."""
    ordered = np.sort(p, axis=0)
    small = ordered <= RATE * np.arange(1, len(p) + 1)[:, None] / len(p)
    count = np.where(small.any(axis=0), len(p) - small[::-1].argmax(axis=0), 0)
    return float(count.mean() / len(p))
