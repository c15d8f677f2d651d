"""How long a run's documents are, in what the run counts: words or sentences."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from attnprobe.analysis.results import RunResults


class DocumentLengths(NamedTuple):
    """Of the documents of the test split, those of one item included.

    Attributes:
        mean, deviation: of the number of items; the deviation is the sample's, NaN of one document.
        median: of the number of items.
        one_item: how many documents have a single item.
        documents: how many there are.
    """

    mean: float
    deviation: float
    median: float
    one_item: int
    documents: int


def document_lengths(results: RunResults) -> DocumentLengths:
    """Lengths in items."""
    n = results.documents["n"].to_numpy(dtype=np.float64)
    deviation = float(n.std(ddof=1)) if len(n) > 1 else float("nan")
    return DocumentLengths(float(n.mean()), deviation, float(np.median(n)), int((n == 1).sum()), len(n))
