"""Slow and obvious: erase, renormalise, run the readout, look at the decision; one document, one step at a time.

Everything takes NumPy arrays of float64, or of ``fractions.Fraction`` where ties must be exact.
"""

import itertools
from fractions import Fraction

import numpy as np

as_fractions = np.vectorize(lambda number: Fraction(float(number)), otypes=[object])


def logits_after(values, weights, erased, weight, bias):
    """Logits of one document (items, dim) after erasing the item numbers in ``erased``."""
    kept = weights.copy()
    kept[list(erased)] = 0
    total = kept.sum()
    if total == 0:
        return bias
    return weight @ ((kept / total) @ values) + bias


def decide(logits):
    """The first of the largest logits."""
    return max(range(len(logits)), key=lambda c: (logits[c], -c))


def margin(logits, decision):
    """How clearly the decision stands or has fallen: the distance of the best other class from it."""
    others = [logit for c, logit in enumerate(logits) if c != decision]
    return float(abs(max(others) - logits[decision])) if others else float("inf")


def first_flip(values, weights, order, weight, bias):
    """(count, smallest margin seen on the way): −1 where not even erasing everything flips."""
    start = logits_after(values, weights, [], weight, bias)
    decision = decide(start)
    smallest = margin(start, decision)
    for k in range(1, len(order) + 1):
        logits = logits_after(values, weights, order[:k], weight, bias)
        smallest = min(smallest, margin(logits, decision))
        if decide(logits) != decision:
            return k, smallest
    return -1, smallest


def minimal_flip_count(values, weights, weight, bias):
    """(count, smallest margin of any subset) by looking at every subset."""
    items = len(weights)
    start = logits_after(values, weights, [], weight, bias)
    decision = decide(start)
    smallest, best = margin(start, decision), -1
    for k in range(1, items + 1):
        for erased in itertools.combinations(range(items), k):
            logits = logits_after(values, weights, erased, weight, bias)
            smallest = min(smallest, margin(logits, decision))
            if best < 0 and decide(logits) != decision:
                best = k
    return best, smallest
