"""Figure 6: the fraction of a document erased at the first flip, by ordering, for the models without an encoder."""

from __future__ import annotations

from pathlib import Path

from attnprobe.analysis.first_flips import fraction_boxes
from attnprobe.papers.serrano2019.figures.box_panel import box_sheet
from attnprobe.papers.serrano2019.figures.figure5_fraction_removed import MEASURED
from attnprobe.papers.serrano2019.figures.grid import RunGrid
from attnprobe.papers.serrano2019.figures.panel_order import WITHOUT_ENCODER, in_rows
from attnprobe.papers.serrano2019.figures.sheet import write


def draw(grid: RunGrid, folder: Path) -> list[Path]:
    """One sheet: HAN and FLAN side by side."""
    rows = in_rows(grid.models, WITHOUT_ENCODER)
    figure = box_sheet(
        grid, rows, fraction_boxes, MEASURED, "Items erased at the first flip: models without an encoder"
    )
    return write(figure, folder, "figure6_fraction_removed_without_encoder")
