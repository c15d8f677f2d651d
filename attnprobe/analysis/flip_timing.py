"""Is attention more spread out where flips come late, and more even where another ordering flips earlier?

The secondary analyses of the released code of Serrano & Smith (2019). A split at a mean is a split of these documents:
the intervals hold for it as it is, and do not count what other documents would do to the mean.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from attnprobe.analysis.bootstrap import Compared, Estimate, Numbers, Ratio, compare_ratios, means
from attnprobe.analysis.columns import columns_of
from attnprobe.analysis.results import RunResults
from attnprobe.erasure.registered_orderings import ATTENTION, Role

Flags = npt.NDArray[np.bool_]

ENTROPIES = ("attention_entropy", "attention_entropy_normalised")
DIVERGENCES = ("attention_kl_uniform", "attention_js_uniform")


class FlipTiming(NamedTuple):
    """Attention entropy of documents that flip late (first) and early (second), nats, and over log n.

    Attributes:
        mean_fraction: at which late begins.
        entropy, entropy_normalised: late against early.
        without_flip: normalised entropy of those that nothing flips while something is left, which are in neither
            group; NaN as released.
    """

    mean_fraction: float
    entropy: Compared
    entropy_normalised: Compared
    without_flip: Estimate


class Divergence(NamedTuple):
    """Attention's divergence from uniform, in nats: KL(a‖uniform) and JS.

    Attributes:
        kl, js: means over all documents with n > 1.
        where_other_wins: by other ordering, KL and JS of the documents that it flips with strictly fewer erasures than
            attention (first) against the rest (second); those that neither flips are in no group.
    """

    kl: Estimate
    js: Estimate
    where_other_wins: dict[str, dict[str, Compared]]


def flip_timing_as_released(results: RunResults) -> FlipTiming:
    """Of attention, as the code of 2019 counts."""
    return flip_timing(results, as_released=True)


def flip_timing(results: RunResults, ordering: str = ATTENTION, *, as_released: bool = False) -> FlipTiming:
    """Entropy of late against early flips: a fraction at least the mean, or below it.

    Args:
        results: of a run.
        ordering: by which to erase; of a random one each document's mean over the draws counts.
        as_released: as in the released code, count a change that happens only when nothing is left as a flip, and
            never-flips as a fraction of −1, in the mean and so among the early.

    Raises:
        InputError: the table of documents lacks a column, or there is no such ordering.
    """
    flips = (results.as_released() if as_released else results).flips_of(ordering)
    fraction = np.where(np.isnan(flips.fraction), -1.0, flips.fraction) if as_released else flips.fraction
    fraction = fraction.mean(axis=1)
    never = np.isnan(fraction)
    mean = float(fraction[~never].mean()) if not never.all() else float("nan")
    columns = columns_of(results, ENTROPIES)
    sides = {name: _sides(column, fraction >= mean, fraction < mean) for name, column in columns.items()}
    entropy, normalised = compare_ratios(sides).values()
    without = np.where(never, columns["attention_entropy_normalised"], np.nan)
    return FlipTiming(mean, entropy, normalised, means({"never": without})["never"])


def divergence_from_uniform(results: RunResults) -> Divergence:
    """Divergences of all documents, and where each other ordering that explains beats attention.

    Raises:
        InputError: the table of documents lacks a column.
    """
    columns = columns_of(results, DIVERGENCES)
    removed = {name: np.nan_to_num(flip.removed[:, 0], nan=np.inf) for name, flip in results.first_flips.items()}
    attention = removed.pop(ATTENTION)
    others = {name: other for name, other in removed.items() if name in results.of_role(Role.EXPLANATION)}
    sides: dict[tuple[str, str], tuple[Ratio, Ratio]] = {}
    for name, other in others.items():
        rest = (np.isfinite(attention) | np.isfinite(other)) & (other >= attention)
        sides |= {(name, column): _sides(columns[column], other < attention, rest) for column in DIVERGENCES}
    compared = compare_ratios(sides)
    kl, js = means(columns).values()
    by_ordering = {name: {column: compared[name, column] for column in DIVERGENCES} for name in others}
    return Divergence(kl, js, by_ordering)


def _sides(column: Numbers, first: Flags, second: Flags) -> tuple[Ratio, Ratio]:
    """Sums and numbers of a column (documents,) in two groups of documents (documents,)."""
    one, other = first.astype(np.float64), second.astype(np.float64)
    return (column * one, one), (column * other, other)
