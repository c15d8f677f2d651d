"""A document's stored results by the further ways of erasing of a run, beside what the slow reference finds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from attnprobe.base.errors import InputError
from attnprobe.erasure.registered_orderings import SMALLEST_SET
from attnprobe.verification.comparison import AGREE, SINGLE, Comparison, size_of
from attnprobe.verification.orders import Order
from attnprobe.verification.reference import Reference
from attnprobe.verification.stored_results import StoredDocument, StoredFlip


def compare_other_ways(
    comparison: Comparison,
    stored: StoredDocument,
    references: Iterable[tuple[str, Sequence[Reference]]],
    orders: Mapping[tuple[str, int], Order],
) -> None:
    """Take in what one document's results are by each further way.

    Args:
        comparison: of all documents.
        stored: what the run says.
        references: by way one for each draw of what stands in.
        orders: the document's orderings.

    Raises:
        InputError: there are no rows of a way.
    """
    for way, of_way in references:
        rows = stored.otherwise.get(way)
        if not rows:
            raise InputError(f"{comparison.folder.table('erasures')}, document {stored.number}: no row is of {way}.")
        _compare_items(comparison, stored, way, of_way)
        draws = Counter(name for name, _ in stored.erasures)
        for (name, draw), flip in rows.items():
            where = comparison.where("erasures", stored.number, f"{way}, ordering {name}, draw {draw}")
            reference = of_way[draw % len(of_way)]
            order = orders.get((name, draw % draws[name]))
            if name == SMALLEST_SET:
                comparison.first_flips += 1
                comparison.compare_smallest(where, flip.removed, reference)
            elif order is not None:
                comparison.first_flips += 1
                comparison.compare_first_flip(where, flip, reference, order)
                _compare_emptied(comparison, where, flip, reference, order)


def _compare_emptied(comparison: Comparison, where: str, flip: StoredFlip, reference: Reference, order: Order) -> None:
    """Whether something is left at the first flip."""
    if flip.removed > 0:
        items, certain = order.prefix(flip.removed)
        if certain and reference.nothing_is_left(items) != flip.emptied:
            comparison.differing.append(f"{where}: emptied is {flip.emptied}, the reference finds {not flip.emptied}")


def _compare_items(comparison: Comparison, stored: StoredDocument, way: str, references: Sequence[Reference]) -> None:
    """What erasing some items alone does, averaged over draws."""
    if stored.items is None:
        return
    size = size_of(references[0])
    for item in np.random.default_rng(stored.number).permutation(stored.n)[:SINGLE].tolist():
        where = comparison.where("items", stored.number, f"position {item}")
        js = float(np.mean([reference.js([item]) for reference in references]))
        comparison.compare_number(where, f"js_{way}", float(stored.items[f"js_{way}"][item]), js, size)
        comparison.made["flips"] += 1
        draws = [reference.flips([item]) for reference in references]
        certain = [flips for flips in draws if flips is not None]
        if len(certain) < len(draws):
            comparison.within_rounding += 1
            continue
        found, share = float(stored.items[f"flips_{way}"][item]), sum(certain) / len(certain)
        if not abs(found - share) <= AGREE:
            comparison.differing.append(f"{where}: flips_{way} is {found:g}, the reference finds {share:g}")
