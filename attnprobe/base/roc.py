"""The area under the ROC curve, for training and for what reads results."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def roc_auc(scores: npt.NDArray[np.floating], positive: npt.NDArray[np.bool_]) -> float:
    """How often a positive document has the larger score of a pair with a negative one, ties by half.

    Mann–Whitney's U over the number of pairs; NaN where there is no pair.

    Args:
        scores: (documents,).
        positive: (documents,).

    >>> roc_auc(np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True]))
    0.75
    """
    negatives, above = np.sort(scores[~positive]), scores[positive]
    pairs = len(negatives) * len(above)
    if not pairs:
        return float("nan")
    below = np.searchsorted(negatives, above, "left") + np.searchsorted(negatives, above, "right")
    return float(below.sum() / (2 * pairs))
