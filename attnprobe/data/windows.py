"""Windows: the consecutive documents of a split that are in memory together."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from attnprobe.data.documents import Documents

WINDOW_DOCUMENTS = 2048
"""Documents of a window, where they do not have too many words."""

WINDOW_WORDS = 250_000
"""Words of a window at most, unless a single document has more."""


def window_starts(words_per_document: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """int64 (windows + 1,): the first document of each window, and the end; a function of the lengths alone.

    A window ends where the next document would be one too many, or its words would. So the windows of the first
    documents, but for the last one, are those of all documents.
    """
    words = np.cumsum(words_per_document, dtype=np.int64)
    starts = [0]
    while starts[-1] < len(words):
        start = starts[-1]
        before = int(words[start - 1]) if start else 0
        end = int(np.searchsorted(words, before + WINDOW_WORDS, side="right"))
        starts.append(max(start + 1, min(end, start + WINDOW_DOCUMENTS)))
    return np.array(starts, dtype=np.int64)


def in_windows(parts: Iterable[Documents]) -> Iterator[Documents]:
    """Documents that come in parts of any size, window by window; a window has no types but its own."""
    waiting: list[Documents] = []
    for part in parts:
        waiting.append(part)
        if sum(map(len, waiting)) > WINDOW_DOCUMENTS or sum(len(each.words) for each in waiting) > WINDOW_WORDS:
            *whole, rest = _windows(Documents.concatenated(waiting))
            yield from whole
            waiting = [rest]
    if waiting:
        yield from _windows(Documents.concatenated(waiting))


def window_of(documents: Documents, start: int, end: int) -> Documents:
    """The documents from ``start`` up to but without ``end``, with no types but their own."""
    return documents.take(np.arange(start, end)).with_own_types()


def _windows(documents: Documents) -> list[Documents]:
    starts = window_starts(documents.words_per_document).tolist()
    return [window_of(documents, start, end) for start, end in itertools.pairwise(starts)]
