"""Make tables, figures and the answer of probed runs, from their files alone: the last part of `attnprobe run`.

attnprobe report runs/docstrings/flan-rnn/seed-0
"""

from __future__ import annotations

import argparse
from pathlib import Path

from attnprobe.cli.options import say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="a run's folder")


def execute(arguments: argparse.Namespace) -> None:
    """Report on each run."""
    from attnprobe.reporting import report
    from attnprobe.runs import RunFolder

    for path in arguments.runs:
        folder = RunFolder(path)
        folder.read_configuration()
        say(f"\n{report(folder, say)}")
