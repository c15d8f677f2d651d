"""Figure 5: the fraction of a document erased at the first flip, by ordering, for the models with an encoder."""

from __future__ import annotations

from pathlib import Path

from attnprobe.analysis.first_flips import fraction_boxes
from attnprobe.papers.serrano2019.figures.box_panel import box_sheet
from attnprobe.papers.serrano2019.figures.grid import RunGrid
from attnprobe.papers.serrano2019.figures.panel_order import WITH_ENCODER, in_rows, others_in_rows
from attnprobe.papers.serrano2019.figures.sheet import write

MEASURED = "{unit}s erased"

TITLE = "Items erased at the first flip"


def draw(grid: RunGrid, folder: Path) -> list[Path]:
    """One sheet: HAN and FLAN of an encoder side by side, then the models that the paper does not have."""
    rows = in_rows(grid.models, WITH_ENCODER) + others_in_rows(grid.models)
    figure = box_sheet(grid, rows, fraction_boxes, MEASURED, f"{TITLE}, models with an encoder")
    return write(figure, folder, "figure5_fraction_removed")
