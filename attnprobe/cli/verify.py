"""Verify finished runs: what made them, whether all of it is there, and whether a slow reference finds the same.

attnprobe verify runs/docstrings/flan-rnn/seed-0
"""

from __future__ import annotations

import argparse
from pathlib import Path

from attnprobe.base.exit_status import FAILED
from attnprobe.cli.options import add_machine_arguments, positive, reopen_run, say, whole_number


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="a run's folder")
    parser.add_argument(
        "--documents", type=positive, default=20, metavar="N", help="documents that the slow reference looks at (20)"
    )
    parser.add_argument("--seed", type=whole_number, default=0, metavar="N", help="of the sample of documents (0)")
    add_machine_arguments(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Check each run and print what is found; the exit status is 1 where something is not as it should be."""
    from attnprobe.runs.run_folder import RunFolder
    from attnprobe.verification.origin import require_finished
    from attnprobe.verification.truth import Sample
    from attnprobe.verification.verifying import verify

    folders = [RunFolder(path) for path in arguments.runs]
    for folder in folders:
        require_finished(folder)
    status = 0
    for folder in folders:
        say(str(folder.path))
        for finding in verify(
            folder, lambda path: reopen_run(path, arguments), Sample(arguments.documents, arguments.seed)
        ):
            say(f"  {finding}")
            status = status if finding.holds else FAILED
    return status
