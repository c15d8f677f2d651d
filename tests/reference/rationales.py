"""Slow and obvious: how a ranking, or a set of items, agrees with the items that somebody marked; and the best set.

Items are numbers, sets are Python's. What is defined by thresholds, spans and subsets goes through all of them.
"""

import itertools

from tests.reference.curves import scores_of
from tests.reference.erasure import decide, logits_after


def average_precision(scores, marked):
    """Over thresholds, the highest first: the sum of what each adds to recall, times the precision there."""
    area, recall = 0.0, 0.0
    for threshold in sorted(set(scores), reverse=True):
        chosen = {item for item, score in enumerate(scores) if score >= threshold}
        now = len(chosen & marked) / len(marked)
        area += (now - recall) * len(chosen & marked) / len(chosen)
        recall = now
    return area


def token_f1(chosen, marked):
    precision, recall = len(chosen & marked) / len(chosen), len(chosen & marked) / len(marked)
    return 0.0 if precision + recall == 0 else 2 * precision * recall / (precision + recall)


def spans_of(items):
    """Runs of neighbouring items, as sets."""
    spans = []
    for item in sorted(items):
        if spans and item - 1 in spans[-1]:
            spans[-1].add(item)
        else:
            spans.append({item})
    return spans


def iou_f1(chosen, marked, threshold=0.5):
    """ERASER's: a chosen span is right where the best marked one has so much of their union in common."""
    found, wanted = spans_of(chosen), spans_of(marked)
    right = sum(max(len(span & other) / len(span | other) for other in wanted) >= threshold for span in found)
    precision, recall = right / len(found), right / len(wanted)
    return 0.0 if precision + recall == 0 else 2 * precision * recall / (precision + recall)


def probability_without(values, weights, erased, weight, bias):
    decision = decide(logits_after(values, weights, [], weight, bias))
    return float(scores_of(logits_after(values, weights, sorted(erased), weight, bias), decision, "probability"))


def largest_fall(values, weights, count, weight, bias):
    """Over all sets of so many items."""
    sets = itertools.combinations(range(len(weights)), count)
    whole = probability_without(values, weights, [], weight, bias)
    return whole - min(probability_without(values, weights, erased, weight, bias) for erased in sets)
