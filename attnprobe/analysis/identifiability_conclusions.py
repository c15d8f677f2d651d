"""How many conclusions from attention hold for all attention weights that give the same output.

A conclusion is drawn from the observed weights of one document. It *survives* where every alternative leads to the same
one, *falls* where some alternative is known that does not, and is *undecided* where bounds settle neither.

- ``top_item``: "this item has the largest weight". Falls where another item alone can have it.
- ``ranking``: "this is the order of the items by weight". Survives where no two items' ranges overlap the wrong way
  round; falls where an alternative with another order was found.
- ``single_flip``: "erasing the most attended item alone flips the decision", or "does not". Survives where the outcome
  is the same for all alternatives.
- ``first_flip``: "so many items, the most attended first, must be erased for the decision to flip" (or: all, so that
  nothing is left; or: it never does). Survives where the earliest and the latest first flip of this ordering are equal.
- ``earlier_than_random``: "attention's order flips the decision with fewer erasures than a random order", the
  document's first one, and while something is left; of documents in which it does. Survives where attention's latest
  first flip comes before the random order's earliest, falls where an alternative was found under which it does not.

The first two are of heads of any model; the others need an affine readout.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from attnprobe.analysis.bootstrap import Estimate, Numbers, means, ratios
from attnprobe.analysis.identifiability_heads import by_document, document_means
from attnprobe.analysis.identifiability_results import IdentifiabilityResults, numbers
from attnprobe.erasure.registered_orderings import ATTENTION, RANDOM, smallest_among

_ONE = 1 - 1e-12
"""A Kendall's τ below this is one of another ranking."""

OUTCOMES = ("must_flip", "may_flip", "never_flips")


class Conclusion(NamedTuple):
    """What became of one conclusion.

    Attributes:
        name: as in the module's text.
        documents: of how many it was drawn.
        survives, falls, undecided: shares; of several heads of the mean over them.
    """

    name: str
    documents: int
    survives: Estimate
    falls: Estimate
    undecided: Estimate


class FlipRange(NamedTuple):
    """Restricted mean fractions of items erased at the first flip (emptied and never as 1), over the sampled documents.

    Attributes:
        earliest, observed, latest: of the ordering by attention: least, as observed, greatest.
        random: of the documents' first random ordering, as observed.
        smallest_set: of the smallest set that flips the decision with the observed weights.
    """

    earliest: Estimate
    observed: Estimate
    latest: Estimate
    random: Estimate
    smallest_set: Estimate


def conclusions(found: IdentifiabilityResults) -> list[Conclusion]:
    """All conclusions that can be judged in this run."""
    sampled = found.sampled
    tau_low, tau_found = numbers(sampled, "kendall_tau_low"), numbers(sampled, "kendall_tau_found")
    kept, changed = (tau_low >= _ONE).astype(np.float64), (tau_found < _ONE).astype(np.float64)
    changes = numbers(sampled, "top_can_change")
    judged = [
        _judge("top_item", sampled, 1 - changes, changes),
        _judge("ranking", sampled, kept, changed),
    ]
    documents = found.documents
    if not len(documents):
        return judged
    can_flip, can_stay = numbers(documents, "top_can_flip"), numbers(documents, "top_can_stay")
    earliest, latest = numbers(documents, "first_flip_earliest"), numbers(documents, "first_flip_latest")
    one_way = (can_flip != can_stay).astype(np.float64)
    same = (earliest == latest).astype(np.float64)
    return [
        *judged,
        _judge("single_flip", documents, one_way, 1 - one_way),
        _judge("first_flip", documents, same, 1 - same),
        _earlier_than_random(found),
    ]


def item_outcomes(found: IdentifiabilityResults) -> dict[str, Estimate] | None:
    """Shares of items whose erasure alone must, may, or never flips the decision; None without an affine readout."""
    documents = found.documents
    if not len(documents):
        return None
    items = numbers(documents, "n")
    return ratios({name: (numbers(documents, name), items) for name in OUTCOMES})


def first_flip_ranges(found: IdentifiabilityResults) -> FlipRange | None:
    """How early and how late decisions flip in attention's order; None without an affine readout."""
    documents = found.documents
    if not len(documents):
        return None
    items = numbers(documents, "n")
    counts = {
        "earliest": numbers(documents, "first_flip_earliest"),
        "observed": _observed(found, ATTENTION),
        "latest": numbers(documents, "first_flip_latest"),
        "random": _observed(found, RANDOM),
        "smallest_set": _observed(found, smallest_among(found.erasures["ordering"].unique().tolist())),
    }
    return FlipRange(**means({name: np.where(count < 0, 1.0, count / items) for name, count in counts.items()}))


def _judge(name: str, table: pd.DataFrame, survives: Numbers, falls: Numbers) -> Conclusion:
    """Shares over documents of zeros and ones of the table's rows."""
    rows = {"survives": survives, "falls": falls, "undecided": 1.0 - survives - falls}
    shares = {outcome: by_document(table, column) for outcome, column in rows.items()}
    return Conclusion(name, len(shares["survives"]), **document_means(shares))


def _earlier_than_random(found: IdentifiabilityResults) -> Conclusion:
    documents = found.documents
    items = numbers(documents, "n")
    attention, random = (_endless(_observed(found, name), items) for name in (ATTENTION, RANDOM))
    drawn = attention < random
    latest, random_earliest = (
        _endless(numbers(documents, name), items)[drawn] for name in ("first_flip_latest", "random_earliest")
    )
    survives = (latest < random_earliest).astype(np.float64)
    falls = numbers(documents, "earlier_can_fail")[drawn]
    return _judge("earlier_than_random", documents[drawn], survives, falls)


def _endless(count: Numbers, items: Numbers) -> Numbers:
    """Counts with infinity in the place of never and of nothing left, which are later than any flip."""
    return np.where((count < 0) | (count >= items), np.inf, count)


def _observed(found: IdentifiabilityResults, ordering: str | None) -> Numbers:
    """Items erased at the observed first flip of an ordering's first draw (documents,); −1 for never, NaN for none."""
    rows = found.erasures[(found.erasures["ordering"] == ordering) & (found.erasures["draw"] == 0)]
    removed = rows.set_index("document")["removed"]
    return np.asarray(removed.reindex(found.documents["document"]).to_numpy(dtype=np.float64, na_value=np.nan))
