"""Labels that a person would take for the same: mistakes of a file more often than classes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation

import numpy as np

from attnprobe.data.files.places import quoted
from attnprobe.data.tokenised_dataset import Dataset

MOST_SAID = 3
"""Groups of labels that are named; how many more there are is said after them."""

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,6})?", re.ASCII)


def alike_labels(labels: Iterable[str]) -> list[list[str]]:
    """Groups of two labels or more that differ only by blanks, case, Unicode form or the form of a number.

    Blanks at the ends count as nothing, several as one, and characters that cannot be seen as nothing.

    >>> alike_labels(["good", "bad", "Good ", "1", "01", "1.0", "2"])
    [['good', 'Good '], ['1', '01', '1.0']]
    """
    groups: dict[str | Decimal, list[str]] = {}
    for label in labels:
        groups.setdefault(_plain(label), []).append(label)
    return [group for group in groups.values() if len(group) > 1]


def alike_labels_in_words(dataset: Dataset, location: str) -> list[str]:
    """A sentence for each group of such labels, which stay classes of their own; none where there is no such group.

    Args:
        dataset: whose labels they are.
        location: what the user knows the data by, for the sentence.
    """
    groups = alike_labels(dataset.labels)
    if not groups:
        return []
    each = [np.bincount(split.labels, minlength=len(dataset.labels)) for split in dataset.splits.values()]
    counts = np.sum(each, axis=0)
    count_of = dict(zip(dataset.labels, counts.tolist(), strict=True))
    sentences = []
    for group in groups[:MOST_SAID]:
        named = [f"{quoted(label)} ({_documents(count_of[label])})" for label in group[:MOST_SAID]]
        more = f" and {len(group) - MOST_SAID:,} more" if len(group) > MOST_SAID else ""
        sentences.append(
            f"{location}: the labels {', '.join(named)}{more} differ only by blanks, case, Unicode form or the form of "
            "a number; they are different classes."
        )
    if len(groups) > MOST_SAID:
        sentences.append(f"{location}: there are {len(groups) - MOST_SAID:,} more such groups of labels.")
    return sentences


def _documents(count: int) -> str:
    return f"{count:,} document{'s' * (count != 1)}"


def _plain(label: str) -> str | Decimal:
    """What all labels have in common that are alike."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", label).casefold())
    seen = "".join(each for each in folded if unicodedata.category(each) != "Cf")
    text = " ".join(seen.split())
    if _NUMBER.fullmatch(text):
        try:
            return Decimal(text)  # exact, and equal and of one hash whatever its digits are written like
        except InvalidOperation:
            pass
    return text
