"""What is known of pooled vectors, by the names of its columns; loads no torch."""

from __future__ import annotations

OUTSIDE = 0.05
"""Of a smaller p-value a pooled vector is outside of what the model was trained on."""

STATE_P = "state_p"
"""Of documents: the p-value of what attention pools of the whole document."""

FLIP_P = "flip_p"
"""Of first flips: the p-value of what attention pools where the decision changes."""

REMOVED_INSIDE = "removed_inside"
"""Of orderings: items that are removed by the first prefix that flips while inside; −1 where there is none."""

INSIDE_COLUMNS = (FLIP_P, REMOVED_INSIDE)
"""Of the table of erasures."""
