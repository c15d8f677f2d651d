"""What every script in ``figures/`` does: draw one figure or table from run folders."""

from __future__ import annotations

import argparse
from pathlib import Path

from attnprobe.base.exit_status import leave
from attnprobe.base.visible import visible
from attnprobe.papers.serrano2019.figures import draw
from attnprobe.papers.serrano2019.figures.grid import RunGrid


def main(name: str, description: str | None) -> None:
    """Draw one entry of the registry as the command line says, and print the files.

    Whatever keeps it from its end is one sentence on standard error and an exit status, as of a command.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="a run's folder, or one above")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the files go")

    def work() -> None:
        arguments = parser.parse_args()
        grid = RunGrid.find(arguments.runs)
        if grid.left_out:
            print(visible(grid.left_out))
        for path in draw(name, grid, arguments.out):
            print(visible(str(path)))

    leave(parser.prog, work)
