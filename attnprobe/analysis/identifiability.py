"""Everything that ``attnprobe identify`` found in a run, as numbers."""

from __future__ import annotations

from typing import Any, NamedTuple

from attnprobe.analysis.bootstrap import Estimate
from attnprobe.analysis.identifiability_conclusions import (
    Conclusion,
    FlipRange,
    conclusions,
    first_flip_ranges,
    item_outcomes,
)
from attnprobe.analysis.identifiability_heads import HeadIdentifiability, LengthBin, by_length, head_identifiability
from attnprobe.analysis.identifiability_results import load_identifiability, numbers
from attnprobe.analysis.results import RunResults


class Identifiability(NamedTuple):
    """What was found.

    Attributes:
        settings: ``documents``, ``layers``, ``heads``, ``seed`` and ``longest``, as they were asked for.
        documents: how many the nullity was computed of, those with one item left out.
        sampled: on how many programs were run.
        rows, failed: documents × heads that programs were run on; those on which one failed.
        seconds: of processor time, a document and head, on average.
        heads: by head.
        by_length: by number of items.
        conclusions: which survive.
        items: shares of items whose erasure must, may, or never flips the decision; None without an affine readout.
        first_flips: how early and how late decisions flip; None without an affine readout.
    """

    settings: dict[str, Any]
    documents: int
    sampled: int
    rows: int
    failed: int
    seconds: float
    heads: list[HeadIdentifiability]
    by_length: list[LengthBin]
    conclusions: list[Conclusion]
    items: dict[str, Estimate] | None
    first_flips: FlipRange | None


def identifiability(results: RunResults) -> Identifiability | None:
    """Statistics of what was identified; None where nothing was.

    Raises:
        InputError: a table cannot be read or lacks a column.
    """
    found = load_identifiability(results)
    if found is None:
        return None
    rows = found.heads[found.heads["sampled"]]
    solved = found.sampled
    return Identifiability(
        settings=found.settings,
        documents=found.heads["document"].nunique(),
        sampled=rows["document"].nunique(),
        rows=len(rows),
        failed=len(rows) - len(solved),
        seconds=float(numbers(solved, "seconds").mean()) if len(solved) else 0.0,
        heads=head_identifiability(found),
        by_length=by_length(found),
        conclusions=conclusions(found),
        items=item_outcomes(found),
        first_flips=first_flip_ranges(found),
    )
