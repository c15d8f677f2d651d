"""What counts as near zero, rare, large or uniform when a claim is judged.

Fixed before any grid was run, but for those of which it is said that they came later.
"""

from __future__ import annotations

NEAR_ZERO_JS = 0.05
"""ΔJS below this is near zero, in nats; the largest possible is log 2 ≈ .69."""

MIDDLING_DELTA_ALPHA = (0.35, 0.45)
"""Where the paper says that ΔJS is still near zero "even at Δα around .4": from, to."""

MOST = 0.5
"""A share above this is most, one below it is few; rarely: fewer than half."""

LARGE_FRACTION = 0.1
"""An explanation of more than this fraction of the items (median) is large."""

LARGE_NUMBER = 10
"""An explanation of more than this many items (median) is large."""

NEARLY_UNIFORM = 0.95
"""Mean normalised attention entropy above which attention singles out nothing."""

NEGLIGIBLE_GAIN = 0.01
"""An order that saves less than this fraction of the items, over a random one, orders them no better.

Of single heads, not of claims, and came later.
"""

NEGLIGIBLE_LEAD = 0.05
"""A lead of less than this share of the documents is none worth speaking of.

Of runs, not of claims, and came later: after the grids, and after two runs of a transformer whose intervals held 0, one
narrow and one wide, had both been answered with "no".
"""

FEWEST_ITEMS = 10
"""Claims M4 and M7, on what is a large part of a document, are judged over documents of at least so many items.

Of fewer a single item is more than ``LARGE_FRACTION``. Came later: after HAN had failed M7 with one sentence of two.
"""

FEWEST_DOCUMENTS = 30
"""With fewer such documents these claims are not informative. Came later."""

SIGNIFICANT = 0.05
"""Adjusted p-values below this are significant."""

PAIRS_WITH_ENCODER = 10 / 16
"""In this share of the models with an encoder the paper finds gradient earlier in more than half of the documents."""

TIMES_AS_OFTEN = 1.6
"""In each of them gradient is earlier at least this many times as often as attention, as the paper counts."""

SEEDS_TO_RANK_ENCODERS = 3
"""Claims that rank encoders are judged only with at least this many seeds a pair."""
