"""Slow and obvious: the logits of every subset of a document's items, and sums over them; one document at a time."""

import math

import numpy as np

from tests.reference.erasure import logits_after


class SubsetGame:
    """One document's items (items, dim); a subset is a number, whose bit j says whether item j is kept."""

    def __init__(self, values, weights, weight, bias):
        self.items = len(weights)
        every = range(self.items)
        self.outcome = [
            logits_after(values, weights, [j for j in every if not kept >> j & 1], weight, bias)
            for kept in range(1 << self.items)
        ]

    def _mean_of_marginals(self, item, share):
        sizes = [(kept, kept.bit_count()) for kept in range(1 << self.items) if not kept >> item & 1]
        return sum(share(size) * (self.outcome[kept | 1 << item] - self.outcome[kept]) for kept, size in sizes)

    def shapley(self):
        n = self.items
        shares = [math.factorial(size) * math.factorial(n - size - 1) / math.factorial(n) for size in range(n)]
        return np.array([self._mean_of_marginals(item, shares.__getitem__) for item in range(n)])

    def banzhaf(self):
        return np.array(
            [self._mean_of_marginals(item, lambda _: 0.5 ** (self.items - 1)) for item in range(self.items)]
        )

    def expected(self, keep):
        chances = [
            math.prod(keep[j] if kept >> j & 1 else 1 - keep[j] for j in range(self.items))
            for kept in range(1 << self.items)
        ]
        return sum(chance * outcome for chance, outcome in zip(chances, self.outcome, strict=True))
