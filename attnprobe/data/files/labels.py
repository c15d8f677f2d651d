"""The order of the classes."""

from __future__ import annotations

import math
from collections.abc import Iterable


def sorted_labels(labels: Iterable[str]) -> list[str]:
    """The distinct labels, by number where all are numbers, else by character.

    >>> sorted_labels(["10", "9", "9"])
    ['9', '10']
    >>> sorted_labels(["10", "9", "none"])
    ['10', '9', 'none']
    """
    distinct = sorted(set(labels))
    try:
        values = {label: float(label) for label in distinct}
    except ValueError:
        return distinct
    if not all(map(math.isfinite, values.values())):
        return distinct
    return sorted(distinct, key=values.__getitem__)
