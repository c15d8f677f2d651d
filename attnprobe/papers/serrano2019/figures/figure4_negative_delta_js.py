"""Figure 4: the Δα of the pairs with negative ΔJS, one image a model, one panel a dataset."""

from __future__ import annotations

from pathlib import Path

from matplotlib.artist import Artist
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from attnprobe.analysis.delta_js import by_delta_alpha, fine_width
from attnprobe.analysis.results import ATTENTION
from attnprobe.papers.serrano2019.figures.dataset_panels import PairsPanel, say_inside, sheet_of_pairs
from attnprobe.papers.serrano2019.figures.grid import RunGrid
from attnprobe.papers.serrano2019.figures.panel_order import model_name
from attnprobe.papers.serrano2019.figures.sheet import head, power_of_ten, write
from attnprobe.reports import style
from attnprobe.reports.drawn import documents_in, require_drawn
from attnprobe.reports.numbers import percent

COLOURS = {"All pairs": "#D9D9D9", "ΔJS < 0: r did more than i*": style.COLOURS[ATTENTION]}

HEADROOM = 12
"""Above it, for what is said in the panel: a factor."""


def draw(grid: RunGrid, folder: Path) -> list[Path]:
    """Histograms of the pairs with ΔJS < 0 before those of all pairs, with their share."""
    return [path for model in grid.models for path in _draw_model(grid, model, folder)]


def _draw_model(grid: RunGrid, model: str, folder: Path) -> list[Path]:
    figure, panels = sheet_of_pairs(grid, model, "Weight (documents)")
    ends = [_draw_panel(panel) for panel in panels]
    for panel in panels:  # one scale for all
        panel.axes.set_ylim(min(low for low, _ in ends), max(high for _, high in ends))
        panel.axes.tick_params(labelleft=not panel.inner)
    legend: dict[str, Artist] = {name: Patch(color=colour) for name, colour in COLOURS.items()}
    head(figure, f"{model_name(model)} · {grid.note}", "", legend)
    return write(figure, folder, f"figure4_negative_delta_js_{grid.file_names[model]}")


def _draw_panel(panel: PairsPanel) -> tuple[float, float]:
    """Draw the histograms; returns the ends of the axis that they ask for."""
    axes, width = panel.axes, fine_width(panel.pairs)
    bins = by_delta_alpha(panel.pairs, width)
    everything, negative = [each.weight for each in bins], [each.negative for each in bins]
    for heights, colour in zip((everything, negative), COLOURS.values(), strict=True):
        axes.bar([each.low for each in bins], heights, width, align="edge", color=colour, linewidth=0)
    axes.set_yscale("log")
    axes.set_xlim(0, bins[-1].high)
    axes.yaxis.set_major_formatter(power_of_ten)
    axes.minorticks_off()
    axes.xaxis.set_major_locator(MaxNLocator(4))
    documents = documents_in(panel.pairs)
    require_drawn("documents", sum(everything), documents)
    say_inside(axes, f"n = {documents:,}\nΔJS < 0: {percent(sum(negative) / documents)}", top=True)
    least = min(weight for weight in (*everything, *negative) if weight > 0)
    return least / 2, HEADROOM * max(everything)
