"""Verify finished runs: what made them, whether all of it is there, and whether a slow reference finds the same.

attnprobe verify runs/docstrings/flan-rnn/seed-0
"""

from __future__ import annotations

import argparse
from pathlib import Path

from attnprobe.base.exit_status import FAILED
from attnprobe.cli.options import add_machine_arguments, reopen_run, say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    from attnprobe.cli.flags import add_settings
    from attnprobe.settings.verification import Sample

    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="a run's folder")
    add_settings(parser, Sample)
    add_machine_arguments(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Check each run and print what is found; the exit status is 1 where something is not as it should be."""
    from attnprobe.cli.flags import given
    from attnprobe.runs.run_folder import RunFolder
    from attnprobe.settings.doors import in_flags
    from attnprobe.settings.unfit import told_by
    from attnprobe.settings.verification import Sample
    from attnprobe.verification.origin import require_finished
    from attnprobe.verification.verifying import verify

    with told_by(in_flags):
        sample = Sample(**given(arguments, Sample))
    folders = [RunFolder(path) for path in arguments.runs]
    for folder in folders:
        require_finished(folder)
    status = 0
    for folder in folders:
        say(str(folder.path))
        for finding in verify(folder, lambda path: reopen_run(path, arguments), sample):
            say(f"  {finding}")
            status = status if finding.holds else FAILED
    return status
