"""What columns are called that say what flips decisions, and what guarantees them, where it is found by asking.

This module loads no torch.
"""

from __future__ import annotations

EVERY_SET = 14
"""Items of a document of which all sets are asked for: 16,384. What is said of it is exact."""

ENUMERATED = "every_set"
"""The column of documents that says whether all of a document's sets were asked for."""

FLIP_BOUND, FLIP_SMALLEST = "flip_bound", "flip_smallest"
"""Columns of documents: no set of fewer items flips the decision, and how many the smallest known set has that does."""

SUFFICIENT_SMALLEST, SUFFICIENT_BOUND, NECESSARY = SUFFICIENT = (
    "sufficient_smallest",
    "sufficient_bound",
    "sufficient_necessary",
)
"""Columns of documents: items of the smallest known set that guarantees the decision; no set of fewer does; and how
many items every such set has."""

SUFFICIENT_ITEM, FLIPPING_ITEM = "sufficient", "flipping"
"""Columns of items: whether one is in that set, and in the smallest known set that flips the decision."""

NO_SET = -1
"""In the place of a number of items: no set flips the decision, or none is found that does."""
