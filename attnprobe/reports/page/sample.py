"""Which documents of a run its page holds: a seeded sample in which every kind and every mark has its share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from attnprobe.reports.page.marks import Marks

MOST_DOCUMENTS = 500


def candidates(marks: Marks, categories: Sequence[int], kept: npt.NDArray[np.bool_], seed: int) -> list[int]:
    """Rows of documents, those that should be in the page most first, at most ``MOST_DOCUMENTS``.

    One of every category comes first, then one of every mark that asks to be covered and has none yet; then the
    categories take turns, so that a shorter page loses of each alike.

    Args:
        marks: of the run.
        categories: the numbers of those that are kinds of documents.
        kept: which documents' items are known (documents,).
        seed: of the draw.
    """
    order = np.random.default_rng(seed).permutation(len(kept))
    order = order[kept[order]]
    chosen: dict[int, None] = {}
    for number in (*categories, *(number for number, mark in enumerate(marks.all) if mark.covered)):
        rows = order[marks.all[number].rows[order]]
        if len(rows) and not marks.all[number].rows[list(chosen)].any():
            chosen[int(rows[0])] = None
    for row in _in_turn([order[marks.all[number].rows[order]] for number in categories]):
        if len(chosen) >= MOST_DOCUMENTS:
            break
        chosen[row] = None
    return list(chosen)[:MOST_DOCUMENTS]


def _in_turn(piles: Sequence[npt.NDArray[np.integer]]) -> Iterator[int]:
    for place in range(max(map(len, piles), default=0)):
        for pile in piles:
            if place < len(pile):
                yield int(pile[place])
