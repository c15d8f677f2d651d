"""How little has to be kept so that the decision stands whatever else is erased, along orderings and at the least.

The mirror image of first flips: those tell how much must be erased, in an order, until the decision changes; this how
much must be kept of it until nothing that happens to the rest can change it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from attnprobe.analysis.bootstrap import Estimate, Numbers, means
from attnprobe.analysis.intervals import binary_shares
from attnprobe.analysis.results import RunResults
from attnprobe.erasure.certified_names import ENUMERATED, NECESSARY, SUFFICIENT_BOUND
from attnprobe.erasure.certified_names import SUFFICIENT_SMALLEST as SMALLEST
from attnprobe.erasure.registered_orderings import Role


class SmallestSufficientSets(NamedTuple):
    """Of the smallest sets that guarantee the decision, over documents of several items.

    Where sets are asked for, of those of which all were asked for.

    Attributes:
        share: mean share of the items that they keep; of documents whose smallest set is not certain, of the smallest
            one that is known.
        items: mean number of items.
        median: of these numbers.
        nothing: share of documents whose decision stands whatever is erased.
        one: share in which one item guarantees it.
        necessary: mean share of the items that every sufficient set has.
        uncertain: in how many documents a smaller set than the one that is known may exist.
    """

    share: Estimate
    items: Estimate
    median: float
    nothing: Estimate
    one: Estimate
    necessary: Estimate
    uncertain: int


class SufficientSets(NamedTuple):
    """What guarantees decisions.

    Attributes:
        orderings: by explanation and control the mean share of the items, its first ones, that guarantee the decision;
            the draws of a random ordering are averaged within a document.
        smallest: of the smallest sets.
    """

    orderings: dict[str, Estimate]
    smallest: SmallestSufficientSets


def sufficient_sets(results: RunResults) -> SufficientSets | None:
    """What guarantees decisions, with intervals; None where the run does not know it."""
    shares = kept_shares(results)
    if shares is None:
        return None
    documents = results.several[_exact(results)]
    sizes = documents["n"].to_numpy(dtype=np.float64)
    count, bound, necessary = (
        documents[name].to_numpy(dtype=np.float64) for name in (SMALLEST, SUFFICIENT_BOUND, NECESSARY)
    )
    columns: dict[str, Numbers] = {f"ordering {name}": share for name, share in shares.items()}
    estimates = means(columns | {"share": count / sizes, "items": count, "necessary": necessary / sizes})
    certain = binary_shares({"nothing": count == 0, "one": count == 1})
    return SufficientSets(
        {name: estimates[f"ordering {name}"] for name in shares},
        SmallestSufficientSets(
            estimates["share"],
            estimates["items"],
            float(np.median(count)),
            certain["nothing"],
            certain["one"],
            estimates["necessary"],
            int((bound < count).sum()),
        ),
    )


def kept_shares(results: RunResults) -> dict[str, Numbers] | None:
    """By explanation and control what share of the items, its first ones, guarantees the decision (documents,).

    None where the run does not know it of any document. Rows are those of ``several`` of which it does; draws are
    averaged.
    """
    if SMALLEST not in results.several or "sufficient" not in results.erasures:
        return None
    exact = _exact(results)
    if not exact.any():
        return None
    sizes = results.several["n"].to_numpy(dtype=np.float64)[exact]
    return {
        name: results.of_erasures(name, "sufficient")[exact].mean(axis=1) / sizes for name in judged_orderings(results)
    }


def judged_orderings(results: RunResults) -> list[str]:
    """The explanations and controls of a run, in order of display."""
    references = results.of_role(Role.REFERENCE)
    shown = [*results.first_flips, *results.of_role(Role.CONTROL)]
    return [name for name in shown if name not in references]


def _exact(results: RunResults) -> npt.NDArray[np.bool_]:
    """Of which documents of several items it is known (documents,): where sets are asked for, of those with all."""
    if ENUMERATED not in results.several:
        return np.ones(len(results.several), dtype=bool)
    every: Numbers = results.several[ENUMERATED].to_numpy(dtype=np.float64)
    exact: npt.NDArray[np.bool_] = every == 1
    return exact
