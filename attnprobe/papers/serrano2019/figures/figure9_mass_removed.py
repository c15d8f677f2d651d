"""Figure 9: the attention mass erased at the first flip, by ordering, for every model."""

from __future__ import annotations

from pathlib import Path

from attnprobe.analysis.first_flips import FractionBox, box_of
from attnprobe.analysis.results import RunResults
from attnprobe.papers.serrano2019.figures.box_panel import box_sheet
from attnprobe.papers.serrano2019.figures.grid import RunGrid
from attnprobe.papers.serrano2019.figures.panel_order import WITH_ENCODER, WITHOUT_ENCODER, in_rows, others_in_rows
from attnprobe.papers.serrano2019.figures.sheet import write

MEASURED = "Attention mass erased"


def mass_boxes(results: RunResults) -> dict[str, FractionBox]:
    """Box statistics by ordering, in order of display."""
    return {name: box_of(flip.mass, flip) for name, flip in results.first_flips.items()}


def draw(grid: RunGrid, folder: Path) -> list[Path]:
    """One sheet: HAN and FLAN of an encoder side by side."""
    rows = in_rows(grid.models, (*WITH_ENCODER, *WITHOUT_ENCODER)) + others_in_rows(grid.models)
    figure = box_sheet(grid, rows, mass_boxes, MEASURED, "Attention mass erased at the first flip")
    return write(figure, folder, "figure9_mass_removed")
