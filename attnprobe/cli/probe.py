"""Run every erasure test on trained runs: the second part of `attnprobe run`.

attnprobe probe runs/docstrings/flan-rnn/seed-0
"""

from __future__ import annotations

import argparse
from pathlib import Path

from attnprobe.cli.options import add_machine_arguments, reopen_run, say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="a run's folder")
    add_machine_arguments(parser)


def execute(arguments: argparse.Namespace) -> None:
    """Probe each run."""
    from attnprobe import stages

    for path in arguments.runs:
        run = reopen_run(path, arguments)
        stages.probe(run)
        say(f"The results are in {path}; make tables and figures with: attnprobe report {path}")
