"""Run what is missing of a grid of experiments, several side by side; a finished run is never run again.

attnprobe grid experiments/offline/grid.toml --data-dir DIR
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from attnprobe.base.exit_status import DOCUMENTS_LEFT_OUT
from attnprobe.cli.console import conclude
from attnprobe.cli.options import (
    add_column_arguments,
    add_machine_arguments,
    add_out_argument,
    positive,
    say,
    seed_numbers,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("grid", type=Path, metavar="FILE", help="a grid's TOML file")
    parser.add_argument(
        "--seeds", type=seed_numbers, metavar="SEEDS", help="0,3,5 or 0-2: these in the place of the file's"
    )
    parser.add_argument("--only", default="*", metavar="GLOB", help="experiments whose name matches")
    parser.add_argument(
        "--jobs", type=positive, default=os.cpu_count() or 1, metavar="N", help="runs side by side, a thread each"
    )
    add_column_arguments(parser.add_argument_group("documents"))
    add_out_argument(parser)
    add_machine_arguments(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Run the grid; the status says whether a run had to leave documents out."""
    from attnprobe.settings.grid_files import load_grid
    from attnprobe.stages.grid import run_grid

    runs = load_grid(arguments.grid, arguments.seeds, arguments.only)
    machine = ["--device", arguments.device]
    if arguments.data_dir is not None:
        machine += ["--data-dir", str(arguments.data_dir)]
    for flag, column in (("--text-column", arguments.text_column), ("--label-column", arguments.label_column)):
        machine += [] if column is None else [flag, column]
    incomplete = run_grid(runs, arguments.out, arguments.jobs, machine, say)
    conclude(out=arguments.out, runs=len(runs), incomplete=incomplete)
    return DOCUMENTS_LEFT_OUT if incomplete else 0
