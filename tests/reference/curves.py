"""Slow and obvious: the decision's score along an order, and the least and the largest AOPC over all orders.

One document at a time, by erasing and reading the logits off; what is erased to nothing has the bias.
"""

import itertools
import math

from tests.reference.erasure import decide, logits_after


def score_of(logits, decision, name):
    """The decision's probability, the logarithm of that, or its logit."""
    logits = [float(logit) for logit in logits]
    if name == "logit":
        return logits[decision]
    top = max(logits)
    log_probability = logits[decision] - top - math.log(sum(math.exp(logit - top) for logit in logits))
    return log_probability if name == "log_probability" else math.exp(log_probability)


def curves(values, weights, order, weight, bias, name):
    """Scores without the first k items, and of the first k alone, k = 0 … n."""
    decision = decide(logits_after(values, weights, [], weight, bias))
    erased = [logits_after(values, weights, order[:k], weight, bias) for k in range(len(order) + 1)]
    kept = [logits_after(values, weights, order[k:], weight, bias) for k in range(len(order) + 1)]
    return tuple([score_of(logits, decision, name) for logits in those] for those in (erased, kept))


def extreme_aopc(values, weights, weight, bias, names):
    """By name of a score the least and the largest mean over k = 1 … n of comp(k), over all orders.

    By the best way on from every set of what is left.
    """
    n = len(weights)
    sets = [left for size in range(n + 1) for left in itertools.combinations(range(n), size)]
    logits = {left: logits_after(values, weights, sorted({*range(n)} - {*left}), weight, bias) for left in sets}
    decision = decide(logits[sets[-1]])
    return {name: _extremes(sets, {left: score_of(logits[left], decision, name) for left in sets}) for name in names}


def _extremes(sets, score):
    least, most = {}, {}  # of the sums of the scores of what is left from here on, without the set's own
    for left in sets:
        smaller = [left[:place] + left[place + 1 :] for place in range(len(left))]
        least[left] = min((score[each] + least[each] for each in smaller), default=0.0)
        most[left] = max((score[each] + most[each] for each in smaller), default=0.0)
    everything = sets[-1]
    return tuple(score[everything] - total[everything] / len(everything) for total in (most, least))
