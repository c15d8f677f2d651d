"""Figure 3: ΔJS against Δα, one image a model, one panel a dataset."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator

from attnprobe.analysis.bootstrap import Numbers
from attnprobe.analysis.delta_js import by_delta_alpha, fine_width, weighted_quantiles
from attnprobe.papers.serrano2019.figures.dataset_panels import PairsPanel, say_inside, sheet_of_pairs
from attnprobe.papers.serrano2019.figures.grid import RunGrid
from attnprobe.papers.serrano2019.figures.panel_order import model_name
from attnprobe.papers.serrano2019.figures.sheet import head, power_of_ten, write
from attnprobe.reports.drawn import documents_in, even_edges, require_drawn, weights_in_cells
from attnprobe.reports.figures.delta_js import COLOURS, FEWEST_DOCUMENTS, LINES

CELLS = 48
"""Of a panel's histogram, along each axis."""

QUANTILES = {"Median of ΔJS": (), "90 % quantile": (3.0, 1.2)}
"""The lines, and their dashes."""

APART = 0.09
"""Of labels from zero, as a share of the axis."""


def draw(grid: RunGrid, folder: Path) -> list[Path]:
    """A histogram of the pairs a panel, all of an image on one scale of ΔJS and of colour.

    Δα has each panel's own range: in long documents no weight is large.
    """
    return [path for model in grid.models for path in _draw_model(grid, model, folder)]


def _draw_model(grid: RunGrid, model: str, folder: Path) -> list[Path]:
    figure, panels = sheet_of_pairs(grid, model, "ΔJS (nats)")
    if panels:
        _draw_panels(figure, panels)
    lines: dict[str, Artist] = {
        name: Line2D([], [], color=LINES, linewidth=1, dashes=dashes or (1, 0)) for name, dashes in QUANTILES.items()
    }
    head(figure, f"{model_name(model)} · {grid.note}", "", lines)
    return write(figure, folder, f"figure3_delta_js_{grid.file_names[model]}")


def _draw_panels(figure: Figure, panels: Sequence[PairsPanel]) -> None:
    threshold, low, high = _scale(panels)
    for panel in panels:
        panel.axes.set_yscale("symlog", linthresh=threshold, linscale=0.6)
        panel.axes.set_ylim(low, high)
        panel.axes.set_yticks(_ticks(panel.axes, threshold))
        panel.axes.yaxis.set_major_formatter(power_of_ten)
        panel.axes.minorticks_off()
        panel.axes.tick_params(labelleft=not panel.inner)
    cells = [_histogram(panel) for panel in panels]
    norm = _norm([cell for _, _, cell in cells])
    for panel, (x, y, cell) in zip(panels, cells, strict=True):
        panel.axes.pcolormesh(x, y, np.ma.masked_equal(cell.T, 0), norm=norm, cmap=COLOURS, rasterized=True)
        panel.axes.axhline(0, color="#777777", linewidth=0.5)
        panel.axes.xaxis.set_major_locator(MaxNLocator(4))
        _draw_quantiles(panel)
        say_inside(panel.axes, f"n = {documents_in(panel.pairs):,}", top=False)
    bar = figure.colorbar(ScalarMappable(norm, COLOURS), ax=figure.axes, location="bottom", aspect=45, pad=0.02)
    bar.ax.xaxis.set_major_formatter(power_of_ten)
    bar.ax.xaxis.set_minor_formatter("")
    bar.set_label("Weight of the pairs in a cell (documents)")


def _norm(cells: Sequence[Numbers]) -> LogNorm:
    """One scale of colour for all panels, of four decades at most."""
    most = max(float(cell.max()) for cell in cells)
    least = max(min(float(cell[cell > 0].min()) for cell in cells), most / 1e4)
    return LogNorm(least if least < most else most / 2, most, clip=True)


def _scale(panels: Sequence[PairsPanel]) -> tuple[float, float, float]:
    """Where the axis of ΔJS turns from linear to logarithmic, and its ends."""
    delta_js = np.concatenate([panel.pairs["delta_js"].to_numpy() for panel in panels])
    weight = np.concatenate([panel.pairs["weight"].to_numpy() for panel in panels])
    small = weighted_quantiles(np.abs(delta_js), weight, (0.1,))[0]
    threshold = 10.0 ** math.floor(math.log10(min(max(small, 1e-6), 1e-2)))
    return threshold, min(delta_js.min(), -threshold), max(delta_js.max(), threshold) * 1.1


def _ticks(axes: Axes, threshold: float) -> list[float]:
    """Zero and every second power of ten on either side, as far from zero as its label needs."""
    low, high = axes.get_ylim()
    to_paper = axes.yaxis.get_transform().transform
    length = float(np.ptp(to_paper(np.array([low, high]))))
    ticks = [0.0]
    for sign, end in ((1, high), (-1, -low)):
        largest = math.floor(math.log10(end))
        for power in range(largest, round(math.log10(threshold)) - 1, -2):
            if abs(float(to_paper(np.array([10.0**power]))[0])) > APART * length:
                ticks.append(sign * 10.0**power)
    return sorted(ticks)


def _histogram(panel: PairsPanel) -> tuple[Numbers, Numbers, Numbers]:
    """Edges along both axes, equally far apart on paper, and the weight in each cell."""
    reach = max(float(panel.pairs["delta_alpha"].max()), 1e-6) * 1.02
    across = np.linspace(0, reach, CELLS + 1)
    up = even_edges(panel.axes.yaxis.get_transform(), panel.axes.get_ylim(), CELLS)
    weights = weights_in_cells(panel.pairs, across, up)
    require_drawn("documents", weights.sum(), documents_in(panel.pairs))
    return across, up, weights


def _draw_quantiles(panel: PairsPanel) -> None:
    bins = by_delta_alpha(panel.pairs, fine_width(panel.pairs))
    shown = [each for each in bins if each.documents >= FEWEST_DOCUMENTS]
    middles = [(each.low + each.high) / 2 for each in shown]
    quantiles = [each.median for each in shown], [each.upper for each in shown]
    halo = [withStroke(linewidth=2.2, foreground="white")]
    for heights, dashes in zip(quantiles, QUANTILES.values(), strict=True):
        panel.axes.plot(middles, heights, color=LINES, linewidth=1, dashes=dashes or (1, 0), path_effects=halo)
