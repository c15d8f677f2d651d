"""Slow and obvious: the decision's score along an order, and the least and the largest AOPC over all orders.

One document at a time, by erasing and reading the logits off; what is erased to nothing has the bias.
"""

import itertools

import numpy as np

from tests.reference.erasure import as_fractions, decide, logits_after


def scores_of(logits, decision, name):
    """The decision's probability, the logarithm of that, or its logit, of logits (…, classes)."""
    logits = np.array(logits, dtype=float)
    if name == "logit":
        return logits[..., decision]
    above = logits - logits.max(-1, keepdims=True)
    log_probability = above[..., decision] - np.log(np.exp(above).sum(-1))
    return log_probability if name == "log_probability" else np.exp(log_probability)


def curves(values, weights, order, weight, bias, name):
    """Scores without the first k items, and of the first k alone, k = 0 … n."""
    decision = decide(logits_after(values, weights, [], weight, bias))
    erased = [logits_after(values, weights, order[:k], weight, bias) for k in range(len(order) + 1)]
    kept = [logits_after(values, weights, order[k:], weight, bias) for k in range(len(order) + 1)]
    return scores_of(erased, decision, name), scores_of(kept, decision, name)


def extreme_aopc(values, weights, weight, bias, names):
    """By name of a score the least and the largest mean over k = 1 … n of comp(k), over all orders.

    By the best way on from every set of what is left.
    """
    n = len(weights)
    sets = [left for size in range(n + 1) for left in itertools.combinations(range(n), size)]
    logits = [logits_after(values, weights, sorted({*range(n)} - {*left}), weight, bias) for left in sets]
    exact = (as_fractions(each) for each in (values, weights))  # so that ties are ties
    decision = decide(logits_after(*(*exact, [], as_fractions(weight), as_fractions(bias))))
    smaller = {left: [left[:place] + left[place + 1 :] for place in range(len(left))] for left in sets}
    return {name: _extremes(smaller, scores_of(logits, decision, name).tolist()) for name in names}


def _extremes(smaller, scores):
    least, most = {}, {}  # sums of the scores of what is left, from a set on
    for (left, fewer), score in zip(smaller.items(), scores, strict=True):
        least[left] = score + min([least[each] for each in fewer], default=0.0)
        most[left] = score + max([most[each] for each in fewer], default=0.0)
    # The last set is the whole document, which is not counted.
    return tuple(scores[-1] - (total[left] - scores[-1]) / len(left) for total in (most, least))
