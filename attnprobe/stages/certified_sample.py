"""Of which documents it is found by asking what flips them and what guarantees them, and what that costs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from attnprobe.erasure.guarantees.certified_sets import most_asked

CERTIFIED_SETS = 1 << 20
"""Sets are asked for of as many documents as have so many together: 64 of 14 items, or some thirty of more."""


class CertifiedSample(NamedTuple):
    """The documents, and how far it goes.

    Attributes:
        documents: which of a split, or of a part of it (documents,).
        largest: of how many items all sets are asked for in documents that have too many to ask for all.
    """

    documents: npt.NDArray[np.bool_]
    largest: int

    def of(self, numbers: npt.NDArray[np.integer]) -> CertifiedSample:
        """Of these documents of the split."""
        return self._replace(documents=self.documents[numbers])


def certified_sample(words: npt.NDArray[np.integer], drawn: npt.NDArray[np.integer], largest: int) -> CertifiedSample:
    """Those that are drawn first, as many as have ``CERTIFIED_SETS`` sets to ask for together; one at least.

    Args:
        words: of every document of the split (documents,); each is taken for an item.
        drawn: documents, in the order in which they are drawn.
        largest: see :class:`CertifiedSample`.
    """
    asked = np.cumsum(_asked(words[drawn], largest))
    documents = np.zeros(len(words), dtype=bool)
    documents[drawn[(asked <= CERTIFIED_SETS) | (np.arange(len(drawn)) == 0)]] = True
    return CertifiedSample(documents, largest)


def cost_in_words(sample: CertifiedSample, words: npt.NDArray[np.integer]) -> str:
    """What is about to be asked for, in a sentence."""
    documents, largest = int(sample.documents.sum()), sample.largest
    of = "one item" if largest == 1 else f"1 to {largest} items"
    return (
        f"Probing: what flips and what guarantees decisions is certified in {documents:,} of {len(words):,} documents, "
        f"drawn by the seed: all sets of short ones, of {of} in others, and searches beyond. By their words that takes "
        f"up to {most_erasures(sample, words):,} erasures, which the tests without it do not need."
    )


def most_erasures(sample: CertifiedSample, words: npt.NDArray[np.integer]) -> int:
    """How many sets of the split's documents are erased at most; see :func:`certified_sample`."""
    return int(_asked(words[sample.documents], sample.largest).sum())


def _asked(words: npt.NDArray[np.integer], largest: int) -> npt.NDArray[np.int64]:
    """Of how many sets of each document it is asked at most (documents,)."""
    sizes, which = np.unique(words, return_inverse=True)
    return np.array([most_asked(max(1, int(size)), largest) for size in sizes], dtype=np.int64)[which]
