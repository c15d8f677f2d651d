"""What the code released with Jain & Wallace (2019) computes where it differs from what it says, by name.

Each released behaviour is a plain function; docs/adversarial.md says what is meant, and what it changes.

* *Case 3 left out.* ``kendall_top_k`` compares the k largest of two lists after Fagin, Kumar & Sivakumar (2003), but
  for pairs of which one item is in one list alone and the other in the other alone. Disjoint lists, which should be as
  far apart as can be, come out at .1125 (k = 10, p = ½), or at 0 (p = 0). It is a distance besides, where everything
  around it is a correlation.
* *Exchanged labels.* Of the three correlations that are drawn and tabled together, the one that is called attention and
  gradient is of attention and leave-one-out, and the other way round.
* *Two tolerances.* The search for adversarial attention is penalised where the output moves by more than .01, and what
  it finds is counted where the output moves by at most .05.
* *Ends left out.* Where no longest length is given, the limit is the longest document's, and documents have to be
  *shorter*: the longest of each split are dropped, and where no shortest length is given the shortest likewise.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from attnprobe.erasure.correlation_names import ATTENTION_GRADIENT, ATTENTION_LEAVE_ONE_OUT, GRADIENT_LEAVE_ONE_OUT

Numbers = npt.NDArray[np.floating]

PENALISED_ABOVE, REPORTED_UP_TO = 0.01, 0.05
"""By how much the output may move: while adversarial attention is searched for, and where it is counted."""

RELEASED_NAMES = {
    "gl": GRADIENT_LEAVE_ONE_OUT,
    "ag": ATTENTION_LEAVE_ONE_OUT,
    "al": ATTENTION_GRADIENT,
}
"""By what the released code calls a correlation (attention, gradient, leave-one-out), what it is of."""


def top_k_distance_as_released(first: Numbers, second: Numbers, k: int, p: float = 0.5) -> float:
    """How far the k largest of two lists are apart, as it was released; meant is ``top_lists.likeness``'s distance.

    Without case 3, and over the square of the number of items in either list, pairs of cases 1 and 4 counting twice
    and those of case 2 once.

    Args:
        first, second: numbers (items,) without ties.
        k: how many of the largest.
        p: penalty of a pair of which both are in one list alone, from 0 to ½.
    """
    tops = [set(np.argsort(-numbers, kind="stable")[:k].tolist()) for numbers in (first, second)]
    both, alone = tops[0] & tops[1], [tops[0] - tops[1], tops[1] - tops[0]]
    pairs = list(itertools.combinations(sorted(both), 2))
    discordant = sum((first[i] - first[j]) * (second[i] - second[j]) < 0 for i, j in pairs)
    total = discordant / len(pairs) * len(both) ** 2 if pairs else 0.0
    for numbers, others in zip((first, second), alone, strict=True):
        total += sum(numbers[i] < numbers[j] for i in both for j in others)
    left = len(tops[0]) - len(both)
    total += 2 * p * (left * (left - 1) / 2)
    return float(total / (len(alone[0]) + len(alone[1]) + len(both)) ** 2)


def is_allowed(moved: Numbers, *, as_released: bool) -> npt.NDArray[np.bool_]:
    """Whether an adversary that moves the output by so much (documents,) counts.

    Args:
        moved: total variation between the outputs.
        as_released: at the tolerance of the report, and not at that of the search.
    """
    return np.asarray(np.abs(moved) <= (REPORTED_UP_TO if as_released else PENALISED_ABOVE))


def kept_by_length(
    words: Sequence[int], shortest: int | None = None, longest: int | None = None, *, as_released: bool
) -> npt.NDArray[np.bool_]:
    """Which documents of a split are kept (documents,).

    Args:
        words: of each document, none of them no document.
        shortest, longest: limits; None for none.
        as_released: strictly between the limits, each that is not given being the shortest or longest document's.
    """
    lengths = np.asarray(words)
    low, high = (end(lengths) if given is None else given for given, end in ((shortest, np.min), (longest, np.max)))
    if as_released:
        return np.asarray((lengths > low) & (lengths < high))
    return np.asarray((lengths >= low) & (lengths <= high))
