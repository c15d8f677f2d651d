"""What a run says of people's rationales, each document's rows held against plain loops.

Agreement is computed again along the places that ``items.parquet`` holds, and falls of the decision's probability by
whole runs of the reference.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from attnprobe.erasure.rationale_names import OF_ANNOTATOR, OF_BEST_SET, OF_ORDERING
from attnprobe.verification.comparison import AGREE, Comparison, size_of
from attnprobe.verification.orders import Order
from attnprobe.verification.plain_agreement import area_of_order, area_of_set, f1_of_items, f1_of_spans
from attnprobe.verification.reference import Reference
from attnprobe.verification.stored_results import HeldKey, StoredDocument

SETS = 200
"""Sets of a size that are all erased by the reference, where there are no more of a document."""

Orders = Mapping[tuple[str, int], Order]


class Expected(NamedTuple):
    """A number that a row should have, in which column, and whether it is one of probabilities."""

    column: str
    number: float
    of_probability: bool = False


def compare_rationales(comparison: Comparison, stored: StoredDocument, reference: Reference, orders: Orders) -> None:
    """Every row is there that the marks ask for, and no other, with the numbers that plain loops find.

    Args:
        comparison: takes in what is compared.
        stored: what the run says of a document whose items were kept.
        reference: the same document.
        orders: its orderings, made of the reference's numbers.
    """
    size, left = size_of(reference), dict(stored.rationales)
    ranked = stored.orders({name for name, _ in stored.erasures})
    draws = dict.fromkeys((key.name, key.draw) for key in stored.rationales if key.kind == OF_ORDERING)
    for key, expected in _expected_rows(reference, stored.marked, list(draws), orders, ranked):
        where = comparison.where("rationales", stored.number, f"{key.annotator} and {key.kind} {key.name}")
        row = left.pop(key, None)
        if row is None:
            comparison.differing.append(f"{where}: there is no row of draw {key.draw}")
            continue
        comparison.made["rationales"] += 1
        comparison.compare_number(where, "marked", row["marked"], len(stored.marked[key.annotator]))
        for column, number, of_probability in expected or ():
            comparison.compare_number(where, column, row[column], number, size if of_probability else 1.0)
        comparison.within_rounding += expected is None
    for key in [key for key in left if key.kind == OF_BEST_SET and stored.marked.get(key.annotator)]:
        _compare_best(comparison, stored, key, left.pop(key), reference)
    for key in list(left)[:1]:
        where = comparison.where("rationales", stored.number)
        comparison.differing.append(f"{where}: there is a row of {' '.join(map(str, key))}, which no mark asks for")


def _compare_best(
    comparison: Comparison, stored: StoredDocument, key: HeldKey, row: dict[str, float], reference: Reference
) -> None:
    """No set that was erased passes what none is to pass; of few sets none does, and one reaches what one is to."""
    slack = AGREE * size_of(reference)
    falls = [
        numbers["comprehensiveness"]
        for other, numbers in stored.rationales.items()
        if other.annotator == key.annotator and other != key and not np.isnan(numbers["comprehensiveness"])
    ]
    reached, attained, most = max(falls), row["comprehensiveness"], row["at_most"]
    right = max(attained, reached) <= most + slack
    found = _largest_fall(reference, len(stored.marked[key.annotator]))
    if found is not None:
        reached, right = found, right and attained - slack <= found <= most + slack
    comparison.made["rationales"] += 1
    if not right:
        where = comparison.where("rationales", stored.number, f"{key.annotator} and the best set")
        comparison.differing.append(
            f"{where}: the largest fall is between {attained:.8g} and {most:.8g}, but a set reaches {reached:.8g}"
        )


def _expected_rows(
    reference: Reference,
    marked: Mapping[str, set[int]],
    draws: Sequence[tuple[str, int]],
    orders: Orders,
    ranked: Mapping[str, Sequence[int]],
) -> Iterator[tuple[HeldKey, list[Expected] | None]]:
    """Each row that a document should have, and what it should say; None where its order is not certain.

    Args:
        reference: the document.
        marked: by annotator the items that are.
        draws: name and draw of each ordering that was erased by and is held against the items.
        orders: by these, those of the reference.
        ranked: by ordering all items in the order in which draw 0 was erased.
    """
    for annotator, items in marked.items():
        if not items:
            continue
        for name, draw in draws:
            yield HeldKey(annotator, OF_ORDERING, name, draw), _of_order(reference, items, name, draw, orders, ranked)
        for other, chosen in marked.items():
            fall = [_fall(reference, items)] if other == annotator else []
            yield (
                HeldKey(annotator, OF_ANNOTATOR, other, 0),
                (
                    [
                        Expected("auprc", area_of_set(chosen, items, reference.items)),
                        *_of_sets(chosen, items),
                        *fall,
                    ]
                    if chosen
                    else []
                ),
            )


def _of_order(
    reference: Reference,
    items: set[int],
    name: str,
    draw: int,
    orders: Orders,
    ranked: Mapping[str, Sequence[int]],
) -> list[Expected] | None:
    if draw == 0 and name in ranked:
        whole = list(ranked[name])
    elif (name, draw) in orders:
        prefix = orders[name, draw].prefix(reference.items)
        if not prefix.certain:
            return None
        whole = prefix.items
    else:
        return None
    first = set(whole[: len(items)])
    return [Expected("auprc", area_of_order(whole, items)), *_of_sets(first, items), _fall(reference, first)]


def _of_sets(chosen: set[int], marked: set[int]) -> list[Expected]:
    return [
        Expected("token_f1", f1_of_items(chosen, marked)),
        Expected("iou_f1", f1_of_spans(chosen, marked)),
    ]


def _fall(reference: Reference, erased: set[int]) -> Expected:
    whole = float(reference.probability(reference.logits()))
    return Expected("comprehensiveness", whole - float(reference.probability(reference.logits(erased))), True)


def _largest_fall(reference: Reference, count: int) -> float | None:
    """Of all sets of so many items; None where these are more than ``SETS``."""
    sets = list(itertools.islice(itertools.combinations(range(reference.items), count), SETS + 1))
    return None if len(sets) > SETS else max(_fall(reference, set(erased)).number for erased in sets)
