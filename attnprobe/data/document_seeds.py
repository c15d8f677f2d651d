"""Seeds for what is drawn of single documents."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def document_seeds(
    run_seed: int, content_hashes: npt.NDArray[np.uint64], occurrences: npt.NDArray[np.integer]
) -> npt.NDArray[np.uint64]:
    """Seeds (documents,) made of the run's seed, a document's text and which of its copies in the split it is.

    So a document's random orderings are the same in any batch, order or shard.

    Args:
        run_seed: the run's.
        content_hashes: of the documents' texts (documents,).
        occurrences: how many earlier documents of the split have the same text (documents,).
    """
    run = np.uint64(np.random.SeedSequence(run_seed).generate_state(1, np.uint64)[0])
    return content_hashes ^ (run + occurrences.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15))
