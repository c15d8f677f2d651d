"""What every script in ``figures/`` does: draw one figure or table from run folders."""

from __future__ import annotations

from pathlib import Path

from attnprobe.base.visible import visible
from attnprobe.papers.figure_scripts import draw_from_runs
from attnprobe.papers.serrano2019.figures import draw
from attnprobe.papers.serrano2019.figures.grid import RunGrid


def main(name: str, description: str | None) -> None:
    """Draw one entry of the registry as the command line says."""

    def drawn(runs: list[Path], folder: Path) -> list[Path]:
        grid = RunGrid.find(runs)
        if grid.left_out:
            print(visible(grid.left_out))
        return draw(name, grid, folder)

    draw_from_runs(description, drawn)
