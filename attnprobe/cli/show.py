"""Show one document in the terminal: shaded, with what must be erased before the decision flips struck through.

attnprobe show runs/docstrings/flan-rnn/seed-0 12
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path

from attnprobe.base.visible import visible
from attnprobe.cli.options import whole_number

WIDEST = 100
"""Characters in a line: longer ones are hard to read."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("run", type=Path, metavar="RUN", help="a run's folder")
    parser.add_argument("document", type=whole_number, metavar="DOCUMENT", help="its row in the test split, from 0")
    parser.add_argument(
        "--by",
        default="attention",
        metavar="ORDERING",
        help="shade and erase by this one: attention, gradient, random or any other of the run (default: attention)",
    )


def execute(arguments: argparse.Namespace) -> None:
    """Print the document; without colours where nobody watches, or where NO_COLOR is set."""
    from attnprobe.analysis.results import RunResults
    from attnprobe.reports.page.terminal import document_in_terminal
    from attnprobe.runs.run_folder import RunFolder, readout_bias

    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    text = document_in_terminal(
        RunResults.load(arguments.run),
        arguments.document,
        ordering=arguments.by,
        bias=readout_bias(RunFolder(arguments.run).read_summary()),
        width=min(WIDEST, shutil.get_terminal_size().columns),
        colour=colour,
    )
    # The colours are attnprobe's own: names and items were made visible before they were painted.
    print(visible(text, kept="\n\x1b" if colour else "\n"), flush=True)
