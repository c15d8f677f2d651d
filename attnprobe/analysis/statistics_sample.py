"""Which documents statistics are made of: all of a run, or a seeded sample of one with more than 100,000.

At 100,000 documents the 95 % interval of a share reaches 0.3 points to either side at most, and resampling costs as
much as there are documents: more of them would tell nothing that matters, for a cost without bound. Every statistic of
a run is of the same sample, accuracy and shares of never-flips too, so that they belong together.
"""

from __future__ import annotations

import numpy as np

from attnprobe.runs.tables import DocumentNumbers

STATISTICS_SAMPLE = 100_000
"""Documents that statistics are made of, at most."""


def sample_of_statistics(tested: int, split: int, seed: int) -> DocumentNumbers | None:
    """Numbers of the documents that statistics are made of, ascending; None where they are made of all.

    They are the first ``STATISTICS_SAMPLE`` of the permutation whose first documents have their items kept, so that
    those are among them. One of which there are no results is not replaced: the others stay the same, and two models
    with the same seed have the same sample.

    Args:
        tested: documents that there are results of.
        split: documents of the split, those included that the model could not read.
        seed: of the run.
    """
    if tested <= STATISTICS_SAMPLE:
        return None
    return np.sort(np.random.default_rng(seed).permutation(split)[:STATISTICS_SAMPLE]).astype(np.int64)
