"""Layers × heads: what becomes of the decision without a whole head, and what the head's most attended item does."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes

from attnprobe.analysis.head_effects import HeadEffects, head_effects
from attnprobe.analysis.results import RunResults
from attnprobe.reports.figures.frame import Drawn
from attnprobe.reports.figures.head_panels import Quantity, draw_heads, of_divergences


def draw(results: RunResults, ax: Axes | None = None) -> Drawn | None:
    """Three panels a stack; None where the run has no table of what single heads do."""
    heads = head_effects(results)
    return draw_heads(results, heads, lambda: _quantities(heads or ()), ax)


def _quantities(heads: Sequence[HeadEffects]) -> tuple[Quantity, Quantity, Quantity]:
    whole, of_whole = of_divergences([head.js_whole.value for head in heads])
    delta, of_delta = of_divergences([head.delta_js.value for head in heads])
    return (
        Quantity("(a) Flips without the head", "% of the documents", 100, lambda head: head.flip_whole.value),
        Quantity("(b) JS without the head", whole, of_whole, lambda head: head.js_whole.value),
        Quantity(
            title="(c) ΔJS",
            unit=delta,
            factor=of_delta,
            value=lambda head: head.delta_js.value,
            p=lambda head: head.delta_js_p,
        ),
    )
