"""Whether kept items guarantee a decision, by what the model says of the worst that can be left beside them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from attnprobe.erasure.registered_orderings import SMALLEST_SET
from attnprobe.verification.comparison import Comparison
from attnprobe.verification.orders import Order
from attnprobe.verification.reference import Reference
from attnprobe.verification.stored_results import StoredDocument

MARGIN = 1e-5
"""By what share of what has to be reached sums may differ in the run's precision."""


def guarantees(reference: Reference, kept: Iterable[int]) -> bool | None:
    """Whether the decision stands whatever subset of the others is erased; None where that is a matter of rounding."""
    outcomes = [reference.flips(erased) for erased in reference.worst_erasures(sorted(set(kept)))]
    return False if True in outcomes else None if None in outcomes else True


def necessary_items(reference: Reference) -> tuple[int, int]:
    """How many items every set that guarantees the decision has, at least and at most but for rounding.

    Those without which all the others together do not: their worst outcome is that all that speak against it are left.
    """
    empty = guarantees(reference, [])
    if empty:
        return 0, 0
    leads = reference.leads()
    whole, gains = leads.sum(1, keepdims=True), leads.clip(min=0)
    short = (gains - whole) / np.abs(leads).sum(1, keepdims=True).clip(min=np.finfo(float).tiny)
    weighs = reference.weights.numpy() > 0
    alone = weighs.sum() == 1
    fewest, largest = (int(((short > slack).any(0) | (weighs & alone)).sum()) for slack in (MARGIN, -MARGIN))
    return 0 if empty is None else fewest, largest


def fewest_items(reference: Reference) -> tuple[int, int]:
    """The number of items of the smallest set that guarantees the decision, at least and at most but for rounding."""
    from scipy.optimize import Bounds, LinearConstraint, milp  # slow to import

    leads = reference.leads()
    empty = guarantees(reference, [])
    if empty:
        return 0, 0
    gains, needs = leads.clip(min=0), (-leads).clip(min=0).sum(1)
    scale = np.maximum(needs, np.finfo(float).tiny)
    ends = []
    for slack in (-MARGIN, MARGIN):
        rows = np.vstack([np.minimum(gains, 2 * scale[:, None]) / scale[:, None], leads.any(0)])
        least = np.append(np.full(len(needs), 1 + slack), 1.0)
        least[:-1][needs == 0] = 0.0 if slack < 0 else np.minimum(1.0, rows[:-1].sum(1))[needs == 0]
        solved = milp(
            np.ones(leads.shape[1]),
            integrality=np.ones(leads.shape[1]),
            bounds=Bounds(0, 1),
            constraints=LinearConstraint(rows, np.minimum(least, rows.sum(1)), np.inf),
        )
        ends.append(leads.shape[1] if solved.x is None else int(np.ceil(solved.mip_dual_bound - 1e-6)))
    return 0 if empty is None else ends[0], ends[1]


def compare_sufficient_sets(
    comparison: Comparison, stored: StoredDocument, reference: Reference, orders: Mapping[tuple[str, int], Order]
) -> None:
    """Take in what a run says of what guarantees one document's decision; nothing where it says nothing.

    Args:
        comparison: what was compared, and differs.
        stored: what the run says of the document.
        reference: the same document, with the same decision.
        orders: its orderings, made of the reference's numbers.
    """
    if not stored.sufficient:
        return
    _compare_smallest(comparison, stored, reference)
    claims: list[tuple[str, list[int] | None, bool]] = []
    for (name, draw), flip in stored.erasures.items():
        if flip.sufficient is None or name == SMALLEST_SET or (name, draw) not in orders:
            continue
        where = comparison.where("erasures", stored.number, f"ordering {name}" + f", draw {draw}" * (draw > 0))
        for count, claimed in ((flip.sufficient, True), (flip.sufficient - 1, False)):
            if count >= 0:
                items, certain = orders[name, draw].prefix(count) if count else ([], True)
                claims.append((where, items if certain else None, claimed))
    reference.run_each(
        erased for _, kept, _ in claims if kept is not None for erased in reference.worst_erasures(sorted(set(kept)))
    )
    for where, kept, claimed in claims:
        _compare_guarantee(comparison, where, kept, reference, claimed=claimed)


def _compare_smallest(comparison: Comparison, stored: StoredDocument, reference: Reference) -> None:
    """The set that is said guarantees the decision, and no smaller one does; and how many items every such set has."""
    where = comparison.where("documents", stored.number)
    smallest, bound, necessary = stored.sufficient
    comparison.made["sufficient sets"] += 1
    least, most = fewest_items(reference)
    if not (bound <= most and least <= smallest and bound <= smallest):
        comparison.differing.append(
            f"{where}: the smallest set that guarantees the decision has {bound} to {smallest} items, "
            f"the reference finds {least} to {most}"
        )
    fewest, largest = necessary_items(reference)
    if not fewest <= necessary <= largest:
        comparison.differing.append(
            f"{where}: sufficient_necessary is {necessary}, the reference finds {fewest} to {largest}"
        )
    chosen = (stored.items or {}).get("sufficient")
    if chosen is not None:
        kept = np.flatnonzero(chosen).tolist()
        if len(kept) != smallest:
            comparison.differing.append(
                f"{where}: sufficient_smallest is {smallest}, but {len(kept)} items are sufficient"
            )
        _compare_guarantee(comparison, where, kept, reference, claimed=True)


def _compare_guarantee(
    comparison: Comparison, where: str, kept: list[int] | None, reference: Reference, *, claimed: bool
) -> None:
    comparison.made["sufficient sets"] += 1
    found = None if kept is None else guarantees(reference, kept)
    comparison.within_rounding += found is None
    if found is not None and found != claimed:
        does = "does not guarantee" if claimed else "guarantees"
        comparison.differing.append(
            f"{where}: sufficient: by the reference keeping {len(kept or [])} items {does} the decision"
        )
