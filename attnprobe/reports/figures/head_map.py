"""Layers × heads: what each head's own order erases, what it gains over a random one, and what its first item does."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from attnprobe.analysis.bootstrap import Numbers
from attnprobe.analysis.head_map import HeadStatistics, head_map
from attnprobe.analysis.results import RunResults
from attnprobe.analysis.thresholds import NEGLIGIBLE_GAIN
from attnprobe.reports.figures.frame import Drawn
from attnprobe.reports.figures.head_panels import Quantity, draw_heads, of_divergences


def draw(results: RunResults, ax: Axes | None = None) -> Drawn | None:
    """Three panels a stack; None where the run has no table of heads."""
    heads = head_map(results)
    return draw_heads(results, heads, lambda: _quantities(results.unit, heads or ()), ax)


def _quantities(unit: str, heads: Sequence[HeadStatistics]) -> tuple[Quantity, Quantity, Quantity]:
    """The three columns, of items that are each a ``unit``."""
    nats, factor = of_divergences([head.delta_js.value for head in heads])
    return (
        Quantity(
            title="(a) Erased at the flip",
            unit=f"% of the {unit}s (never: 100)",
            factor=100,
            value=lambda head: head.fraction_attention.value,
            colours="Purples_r",
            scale=lambda values: (values.min() if values.min() < 100 else 0.0, 100.0),
        ),
        Quantity(
            title="(b) Gain over random",
            unit=f"% of the {unit}s (above 0: fewer)",
            factor=100,
            value=lambda head: head.gain.value,
            p=lambda head: head.gain_p,
            colours="PuOr",
            scale=_about_zero,
        ),
        Quantity(
            title="(c) ΔJS",
            unit=nats,
            factor=factor,
            value=lambda head: head.delta_js.value,
            p=lambda head: head.delta_js_p,
        ),
    )


def _about_zero(values: Numbers) -> tuple[float, float]:
    """As far below zero as above, and no shorter than what is negligible."""
    reach = max(float(np.abs(values).max()), 100 * NEGLIGIBLE_GAIN)
    return -reach, reach
