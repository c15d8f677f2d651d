"""Which of its copies in a split a document is."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

BUCKET_DOCUMENTS = 1 << 19
"""About how many different hashes are held at a time."""

CHUNK_DOCUMENTS = 1 << 16
"""Documents looked at together."""


def occurrences_of(content_hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint32]:
    """uint32 (documents,): how many earlier documents have the same content hash.

    Beside its result it holds a bounded number of hashes, however many there are (they may be memory-mapped): it
    goes through them once for every bucket of hashes.
    """
    occurrences = np.zeros(len(content_hashes), dtype=np.uint32)
    buckets = np.uint64(-(-len(content_hashes) // BUCKET_DOCUMENTS))
    for bucket in range(int(buckets)):
        seen, counts = np.zeros(0, dtype=np.uint64), np.zeros(0, dtype=np.uint32)
        for start in range(0, len(content_hashes), CHUNK_DOCUMENTS):
            chunk = np.asarray(content_hashes[start : start + CHUNK_DOCUMENTS])
            rows = np.flatnonzero(chunk % buckets == bucket)
            rows = rows[np.argsort(chunk[rows], kind="stable")]
            hashes, first, repeats = np.unique(chunk[rows], return_index=True, return_counts=True)
            place = np.searchsorted(seen, hashes)
            known = place < len(seen)
            known[known] = seen[place[known]] == hashes[known]
            before = np.zeros(len(hashes), dtype=np.uint32)
            before[known] = counts[place[known]]
            occurrences[start + rows] = np.arange(len(rows)) + np.repeat(before - first, repeats)
            counts[place[known]] += repeats[known].astype(np.uint32)
            seen = np.insert(seen, place[~known], hashes[~known])
            counts = np.insert(counts, place[~known], repeats[~known])
    return occurrences
