"""Verify finished runs: what made them, whether all of it is there, and whether a slow reference finds the same.

attnprobe verify runs/docstrings/flan-rnn/seed-0
attnprobe verify runs                              (a line for each run below)
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from attnprobe.base.exit_status import FAILED
from attnprobe.base.visible import visible
from attnprobe.cli.console import conclude
from attnprobe.cli.options import add_machine_arguments, reopen_run, say_lines
from attnprobe.cli.several_runs import Outcome, add_runs, each_by_itself, runs_meant


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    from attnprobe.cli.flags import add_settings
    from attnprobe.settings.verification import Sample

    add_runs(parser)
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
    meant = runs_meant(arguments.runs)

    def checked(path: Path) -> Outcome:
        folder = RunFolder(path)
        require_finished(folder)
        found = list(verify(folder, lambda each: reopen_run(each, arguments), sample))
        holds = found[-1].holds  # the first that fails is the last
        line = f"verified: {len(found):,} checks" if holds else str(found[-1])
        return Outcome(0 if holds else FAILED, line, {"findings": found})

    if meant.below:
        return each_by_itself(meant.folders, checked)
    folders = [RunFolder(path) for path in meant.folders]
    for folder in folders:
        require_finished(folder)
    told: list[dict[str, Any]] = []
    status = 0
    for folder in folders:
        say_lines(visible(str(folder.path)))
        found = []
        for finding in verify(folder, lambda path: reopen_run(path, arguments), sample):
            say_lines(visible(f"  {finding}"))
            found.append(finding)
        of_run = 0 if found[-1].holds else FAILED
        status = max(status, of_run)
        told.append({"run": folder.path, "status": of_run, "findings": found})
    conclude(runs=told)
    return status
