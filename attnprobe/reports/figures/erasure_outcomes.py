"""Must, may or never flip, and which conclusions from attention hold for all weights with the same output."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.patches import Patch
from matplotlib.ticker import PercentFormatter

from attnprobe.analysis.bootstrap import Estimate
from attnprobe.analysis.identifiability_conclusions import conclusions, item_outcomes
from attnprobe.analysis.identifiability_results import load_identifiability
from attnprobe.analysis.results import RunResults
from attnprobe.reports.drawn import require_drawn
from attnprobe.reports.figures.frame import Drawn, new_panel, raise_title, say_instead
from attnprobe.reports.identifiability_tables import NAMES, unit_of
from attnprobe.reports.numbers import percent
from attnprobe.reports.style import AGREED, NOT_AGREED, OPEN, OTHERWISE_AGREED, OUTCOMES

COLOURS = {
    **OUTCOMES,
    "survives": AGREED,
    "undecided": OPEN,
    "falls": NOT_AGREED,
}
"""In the order in which a bar is made of them."""

_WRITTEN = 0.12
"""The least share that is written into its bar."""


def draw(results: RunResults, ax: Axes | None = None) -> Drawn | None:
    """A bar of items, where the readout is affine, and one a conclusion; None where nothing was identified."""
    found = load_identifiability(results)
    if found is None:
        return None
    judged = [row for row in conclusions(found) if row.documents]
    items = item_outcomes(found)
    looked_at = len({*found.sampled["document"], *found.documents["document"]})
    bars: list[tuple[str, Mapping[str, Estimate]]] = []
    unit = unit_of(results.unit, found.heads["stack"])
    if items:
        bars.append((f"One {unit} erased\nn = {items['must_flip'].n:,}", items))
    bars += [(f"{NAMES[row.name].format(unit=unit)}\nn = {row.documents:,}", row._asdict()) for row in judged]
    figure, axes = new_panel(results, height=1.2 + 0.26 * len(bars), documents=looked_at, ax=ax)
    if not bars:
        say_instead(axes, "No document was sampled.")
        return figure
    for place, (name, shares) in enumerate(bars):
        parts = {outcome: shares[outcome].value for outcome in COLOURS if outcome in shares}
        require_drawn(f"of the bar {name!r}", sum(parts.values()), 1)
        _draw_bar(axes, place, parts)
    axes.set_yticks(range(len(bars)), [name for name, _ in bars], linespacing=1.0)
    axes.tick_params(axis="y", length=0)
    axes.set(xlim=(0, 1), ylim=(len(bars) - 0.4, -0.6))
    axes.xaxis.set_major_formatter(PercentFormatter(1, symbol=" %"))
    axes.set_xlabel("Share of documents" + (f" (first bar: of {unit}s)" if items else ""))
    _draw_legend(axes, with_items=items is not None)
    return figure


def _draw_bar(axes: Axes, place: int, shares: Mapping[str, float]) -> None:
    left = 0.0
    for name, share in shares.items():
        axes.barh(place, share, left=left, height=0.75, color=COLOURS[name])
        if share > _WRITTEN:
            ink = "white" if COLOURS[name] == AGREED else "black"
            axes.text(left + share / 2, place, percent(share), ha="center", va="center", fontsize=5.5, color=ink)
        left += share


def _draw_legend(axes: Axes, *, with_items: bool) -> None:
    words = {AGREED: "survives", NOT_AGREED: "falls", OPEN: "undecided"}
    if with_items:
        words = {
            AGREED: "must flip; survives",
            OTHERWISE_AGREED: "never flips",
            NOT_AGREED: "may flip; falls",
            OPEN: "undecided",
        }
    patches = [Patch(color=colour, label=label) for colour, label in words.items()]
    raise_title(axes, 2)
    axes.legend(handles=patches, loc="lower center", bbox_to_anchor=(0.3, 1.0), ncols=2, handlelength=1.0)
