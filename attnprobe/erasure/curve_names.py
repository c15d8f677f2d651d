"""What is read off whole curves, and what the columns of their limits are called; this module loads no torch."""

from __future__ import annotations

from typing import Literal, TypeAlias

ERASER_PERCENT = (1, 5, 10, 20, 50)
"""Shares of the items of which ERASER takes means (DeYoung et al. 2020); of each document, rounded up."""

Score: TypeAlias = Literal["probability", "logit"]
"""Of the decision, whose AOPC it is."""

SCORES: tuple[Score, ...] = ("probability", "logit")
"""All of them."""

RANDOM_COLUMNS = ("random_tried", "random_better", "random_equal")
"""Of the table of erasures, where curves are kept: of how many random orders of the document it is known what they
reach; how many of these have a larger AOPC of the probability, and how many the same."""

LIMIT = "aopc_"
"""What columns of documents begin with that say what any ordering can reach; then come the score and the end."""

LIMIT_ENDS = ("lower_low", "lower_high", "upper_low", "upper_high")
"""Ends of the intervals in which the least AOPC of a document is certain to be, and the largest."""

LIMIT_COLUMNS = tuple(f"{LIMIT}{score}_{end}" for score in SCORES for end in LIMIT_ENDS)
"""All of them."""

OF_LABEL = "removed_label_"
"""What columns of erasures begin with that say how many items are erased when a label flips; then comes its number."""

TARGET_SCORES = ("probability", "log_probability", "logit")
"""What is kept of each target after every single erasure, and along every ordering."""

OF_TARGET = tuple(f"{score}_target_" for score in TARGET_SCORES)
"""What columns of items begin with that say the scores of a target without an item; then comes its place."""
