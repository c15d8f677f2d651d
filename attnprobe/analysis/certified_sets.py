"""What flips decisions and what guarantees them, in the documents of which that was found by erasing sets of items.

Of short documents all sets were erased, and what is said of them is *exact*. Of longer ones the smallest set that flips
a decision is exact where the certain bound and a set that was found meet, and *certified between* the two elsewhere.
How much has to be kept of them has a certain bound alone: the other side is *attained*, a set beside which nothing that
was tried flips the decision.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from attnprobe.analysis.bootstrap import Estimate, Numbers, means
from attnprobe.analysis.intervals import binary_shares
from attnprobe.analysis.results import RunResults
from attnprobe.analysis.sufficient_sets import judged_orderings
from attnprobe.erasure.certified_names import ENUMERATED, FLIP_BOUND, FLIP_SMALLEST, NO_SET, SUFFICIENT_BOUND
from attnprobe.erasure.certified_names import SUFFICIENT_SMALLEST as SMALLEST
from attnprobe.erasure.registered_orderings import ATTENTION

SHORT, LONGER = "short", "longer"
"""Documents of which all sets were erased, and the others."""

MOST_WITHSTOOD = 3
"""Sets of so many items are counted at most, whatever larger ones were erased."""

Flags = npt.NDArray[np.bool_]


class SetSizes(NamedTuple):
    """How large the smallest sets are that do something, in some documents.

    Attributes:
        documents: how many there are.
        exact: in how many of them the smallest set is known, or that there is none.
        none: in how many no set does it at all; of flips, while something is left.
        open: in how many none was found that does it, which does not say that none does.
        at_least: mean share of the items that such a set has at least; certain. All, where no set does it.
        known: mean share of the items of the smallest set that is known; all where none is.
    """

    documents: int
    exact: int
    none: int
    open: int
    at_least: Estimate
    known: Estimate


class CertifiedSets(NamedTuple):
    """What flips decisions and what guarantees them, over documents of several items that were asked for it.

    Attributes:
        flips: of ``short`` and of ``longer`` documents, where there are any, the smallest sets whose erasure flips the
            decision.
        keeps: likewise the smallest sets that guarantee it; of longer documents ``known`` is attained, and none exact.
        withstood: by number of items, from ``1`` on, the share of documents whose decision no set of so many or fewer
            items flips; of numbers for which every document says it.
        erased: by explanation and control, over short documents, the mean share of the items that is erased when the
            decision flips while something is left, all where it does not.
    """

    flips: dict[str, SetSizes]
    keeps: dict[str, SetSizes]
    withstood: dict[str, Estimate]
    erased: dict[str, Estimate]


def certified_sets(results: RunResults) -> CertifiedSets | None:
    """What flips decisions and what guarantees them, with intervals; None where no sets were erased for it."""
    if ENUMERATED not in results.several or results.several[ENUMERATED].isna().all():
        return None
    every = results.several[ENUMERATED].to_numpy(dtype=np.float64)
    numbers = {
        name: results.several[name].to_numpy(dtype=np.float64)
        for name in ("n", FLIP_BOUND, FLIP_SMALLEST, SUFFICIENT_BOUND, SMALLEST)
    }
    nothing_left = _flips_with_nothing_left(results, numbers)
    for name in (FLIP_BOUND, FLIP_SMALLEST):
        numbers[name] = np.where(nothing_left & (numbers[name] == numbers["n"]), NO_SET, numbers[name])
    flips, keeps = {}, {}
    for name, of in ((SHORT, every == 1), (LONGER, every == 0)):
        if of.any():
            sizes, flip_bound, flip_known, keep_bound, keep_known = (column[of] for column in numbers.values())
            flips[name] = _sizes(sizes, flip_bound, flip_known, certain=True)
            keeps[name] = _sizes(sizes, keep_bound, keep_known, certain=name == SHORT)
    asked = ~np.isnan(every)
    withstood = _withstood(numbers[FLIP_BOUND][asked], numbers[FLIP_SMALLEST][asked])
    return CertifiedSets(flips, keeps, withstood, _erased(results, every == 1))


def _flips_with_nothing_left(results: RunResults, numbers: Mapping[str, Numbers]) -> Flags:
    """In which documents all items alone are known to change the decision, and leave nothing: that is no flip.

    The columns count that set like others. Attention's order is erased to the end there, and says what is left.
    """
    everything: Flags = numbers[FLIP_SMALLEST] == numbers["n"]
    return everything & results.flips_of(ATTENTION).emptied[:, 0]


def _sizes(sizes: Numbers, bound: Numbers, known: Numbers, *, certain: bool) -> SetSizes:
    """Of documents of these sizes; ``certain`` where a known set that is as small as the bound is the smallest."""
    none, found = bound < 0, known >= 0
    exact = certain & ((bound == known) | none)
    shares = means({"at_least": np.where(none, 1.0, bound / sizes), "known": np.where(found, known, sizes) / sizes})
    exact_ones, none_ones, open_ones = (int(of.sum()) for of in (exact, none, ~found & ~none))
    return SetSizes(len(sizes), exact_ones, none_ones, open_ones, shares["at_least"], shares["known"])


def _withstood(bound: Numbers, known: Numbers) -> dict[str, Estimate]:
    columns: dict[str, Numbers] = {}
    for size in range(1, MOST_WITHSTOOD + 1):
        withstands, flipped = (bound > size) | (bound < 0), (known >= 0) & (known <= size)
        if not (withstands | flipped).all():
            break
        columns[str(size)] = withstands.astype(np.float64)
    return binary_shares(columns) if columns else {}


def _erased(results: RunResults, short: Flags) -> dict[str, Estimate]:
    if not short.any():
        return {}
    fractions = {name: results.flips_of(name).fraction[short] for name in judged_orderings(results)}
    return means({name: np.where(np.isnan(of), 1.0, of).mean(axis=1) for name, of in fractions.items()})
