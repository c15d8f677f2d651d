"""Make tables, figures, page and answer of probed runs, from their files alone: the last part of `attnprobe run`.

attnprobe report runs/docstrings/flan-rnn/seed-0 --open
"""

from __future__ import annotations

import argparse
from pathlib import Path

from attnprobe.cli.options import say, say_lines


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "runs", nargs="+", type=Path, metavar="RUN", help="a run's folder; of several a page shows them side by side"
    )
    parser.add_argument("--open", action="store_true", help="open the page in the browser")


def execute(arguments: argparse.Namespace) -> None:
    """Report on each run, and on all together."""
    from attnprobe.runs.run_folder import RunFolder
    from attnprobe.stages.reporting import PAGE, report, report_together

    folders = [RunFolder(path) for path in arguments.runs]
    for folder in folders:
        folder.read_configuration()
    for folder in folders:
        with folder.locked():
            say_lines(f"\n{report(folder, say)}")
    page = folders[0].path / PAGE if len(folders) == 1 else report_together(folders, say)
    if arguments.open:
        import webbrowser  # which takes as long to import as all that `attnprobe --help` says

        webbrowser.open(page.resolve().as_uri())
