"""What the tables call human rationales and what is held against them; this module loads no torch."""

from __future__ import annotations

RATIONALE = "rationale_"
"""What columns of items begin with that say whether an annotator marked an item; then comes the annotator's name."""

OF_ORDERING, OF_ANNOTATOR, OF_BEST_SET = HELD_AGAINST = ("ordering", "annotator", "best")
"""What is held against the items that an annotator marked: an ordering's first ones, as many; those that an annotator
marked, the same or another one; and the set of as many whose erasure lowers the decision's probability most."""
