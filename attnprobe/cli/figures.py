"""Draw the figures and tables of the paper from finished runs: several datasets, models and seeds together.

attnprobe figures runs --out paper
"""

from __future__ import annotations

import argparse
from pathlib import Path

from attnprobe.cli.console import conclude
from attnprobe.cli.options import say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "runs",
        nargs="+",
        type=Path,
        metavar="RUN",
        help="a run's folder, or one above: every finished run below counts",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the files go")
    parser.add_argument(
        "--as-released",
        action="store_true",
        help="count a decision that changes only when nothing is left as a flip, as the code of 2019 did",
    )


def execute(arguments: argparse.Namespace) -> None:
    """Draw them and name the files."""
    from attnprobe.papers.serrano2019.figures import PAPER, draw
    from attnprobe.papers.serrano2019.figures.grid import RunGrid

    grid = RunGrid.find(arguments.runs, released=arguments.as_released)
    if grid.left_out:
        say(grid.left_out)
    made = []
    for name in PAPER:
        for path in draw(name, grid, arguments.out):
            say(str(path))
            made.append(path)
    conclude(files=made)
