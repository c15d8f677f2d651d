"""Show one document in the terminal: shaded, with what must be erased before the decision flips struck through.

attnprobe show runs/docstrings/flan-rnn/seed-0 12
"""

from __future__ import annotations

import argparse
from pathlib import Path

from attnprobe.cli.console import colours, conclude, console, width
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
    from attnprobe.reports.page.terminal import document_as_shown, document_in_terminal
    from attnprobe.runs.run_folder import RunFolder, readout_bias

    results, bias = RunResults.load(arguments.run), readout_bias(RunFolder(arguments.run).read_summary())
    text = document_in_terminal(
        results,
        arguments.document,
        ordering=arguments.by,
        bias=bias,
        width=min(WIDEST, width()),
        colour=colours(),
    )
    # The colours are attnprobe's own: names and items were made visible before they were painted.
    console().result(text, made=True)
    conclude(run=arguments.run, **document_as_shown(results, arguments.document, arguments.by, bias))
