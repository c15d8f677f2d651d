"""Agreement of an order, or of a set, with marked items: doubled on purpose, in plain loops over one document."""

from __future__ import annotations

from collections.abc import Sequence


def area_of_order(order: Sequence[int], marked: set[int]) -> float:
    """The mean of the precision at each marked item's place."""
    found, total = 0, 0.0
    for place, item in enumerate(order, start=1):
        if item in marked:
            found += 1
            total += found / place
    return total / len(marked)


def area_of_set(chosen: set[int], marked: set[int], items: int) -> float:
    """The area of two thresholds: the set, and everything."""
    recall = len(chosen & marked) / len(marked)
    return recall * len(chosen & marked) / len(chosen) + (1 - recall) * len(marked) / items


def f1_of_items(chosen: set[int], marked: set[int]) -> float:
    """By precision and recall."""
    return _f1(len(chosen & marked) / len(chosen), len(chosen & marked) / len(marked))


def f1_of_spans(chosen: set[int], marked: set[int]) -> float:
    """By the spans that have half of their union with a marked one in common."""
    found, wanted = _spans(chosen), _spans(marked)
    right = sum(any(2 * len(span & other) >= len(span | other) for other in wanted) for span in found)
    return _f1(right / len(found), right / len(wanted))


def _spans(items: set[int]) -> list[set[int]]:
    """Runs of neighbouring items."""
    spans: list[set[int]] = []
    for item in sorted(items):
        if spans and item - 1 in spans[-1]:
            spans[-1].add(item)
        else:
            spans.append({item})
    return spans


def _f1(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0
