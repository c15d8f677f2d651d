"""What counts as near zero, rare, large or uniform when a claim is judged; fixed before any grid was run."""

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

Of single heads, not of claims, and added later.
"""

SIGNIFICANT = 0.05
"""Adjusted p-values below this are significant."""

PAIRS_WITH_ENCODER = 10 / 16
"""In this share of the models with an encoder the paper finds gradient earlier in more than half of the documents."""

TIMES_AS_OFTEN = 1.6
"""In each of them gradient is earlier at least this many times as often as attention, as the paper counts."""

SEEDS_TO_RANK_ENCODERS = 3
"""Claims that rank encoders are judged only with at least this many seeds a pair."""
