"""Slow and obvious: what every set of kept items decides, and which sets guarantee the decision.

By whole numbers, exactly, so that ties are ties. A set is a number, whose bit j says whether item j is in it.
"""

from functools import cached_property

import numpy as np

from tests.reference.erasure import as_fractions, decide

_BITS = 400
"""Numbers are whole ones times two to the minus this: all that products of three floats of these documents need."""


class Subsets:
    """All sets of one document's items (items, dim)."""

    def __init__(self, values, weights, weight, bias):
        values, weights, weight, bias = map(as_fractions, (values, weights, weight, bias))
        self.items = len(weights)
        alone = values @ weight.T + bias if self.items else np.zeros((0, len(bias)), dtype=object)
        mass = [int(number) for number in weights * 2**_BITS]
        added = [[int(number) for number in row] for row in alone * weights[:, None] * 2**_BITS]
        self.decisions = []
        sums = {0: (0, [0] * len(bias))}
        for kept in range(1 << self.items):
            if kept:
                last = kept.bit_length() - 1
                total, each = sums[kept ^ 1 << last]
                sums[kept] = total + mass[last], [one + more for one, more in zip(each, added[last], strict=True)]
            total, each = sums[kept]
            self.decisions.append(decide(each if total else bias))
        self.decision = self.decisions[-1]

    @cached_property
    def sufficient(self):
        """Of every set whether every set that holds it decides as the whole document does."""
        sure = np.array(self.decisions) == self.decision
        for item in range(self.items):
            without = np.flatnonzero(np.arange(len(sure)) >> item & 1 == 0)
            sure[without] &= sure[without | 1 << item]
        return sure

    def size(self, kept):
        return int(kept).bit_count()

    def smallest(self):
        """The size of the smallest sufficient set."""
        return min(self.size(kept) for kept in np.flatnonzero(self.sufficient))

    def minimal(self):
        """The sufficient sets of which no item can be left out."""
        return [
            kept
            for kept in np.flatnonzero(self.sufficient).tolist()
            if not any(kept >> j & 1 and self.sufficient[kept ^ 1 << j] for j in range(self.items))
        ]

    def minimal_flips(self):
        """The sets whose erasure changes the decision, of which no item can be left out."""
        whole = (1 << self.items) - 1
        flips = [erased for erased in range(1 << self.items) if self.decisions[whole ^ erased] != self.decision]
        return [erased for erased in flips if not any(less != erased and less & erased == less for less in flips)]

    def along(self, order):
        """How many of an ordering's first items are sufficient."""
        kept = np.cumsum([0, *(1 << int(item) for item in order)])
        return int(np.argmax(self.sufficient[kept]))
