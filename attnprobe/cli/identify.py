"""Ask whether a model's attention weights are unique given its output, how far they can move, and what that changes.

Of a run's folder, or of a model, which is first trained (unless it decides something as it is) and probed like under
`attnprobe run`. Running the same command again goes on where it was interrupted.

  attnprobe identify runs/docstrings/flan-rnn/seed-0
  attnprobe identify hf:path/to/bert --dataset path/to/folder --layers last
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from attnprobe.base.errors import InputError
from attnprobe.base.exit_status import DOCUMENTS_LEFT_OUT
from attnprobe.cli.console import conclude
from attnprobe.cli.execution import add_execution_arguments, execution_from
from attnprobe.cli.options import (
    add_column_arguments,
    add_machine_arguments,
    add_out_argument,
    add_run_arguments,
    say,
    say_lines,
    start_run,
    writing_run,
)

if TYPE_CHECKING:
    from attnprobe.execution.settings import ExecutionSettings
    from attnprobe.stages.training import Run

ALSO = "attention.also"
"""Where the parser keeps which further selections of layers are asked for."""

_OF_NEW_RUNS = ("dataset", "text_column", "label_column")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    from attnprobe.cli.flags import add_settings
    from attnprobe.settings.attention import AttentionSettings
    from attnprobe.settings.identification import Identified

    parser.add_argument("target", metavar="RUN|MODEL", help="a run's folder, or a model's name")
    add_settings(parser, Identified)
    new = parser.add_argument_group("of a model")
    new.add_argument("--dataset", metavar="NAME|PATH", help="whose documents are read")
    add_column_arguments(new)
    add_out_argument(new)
    add_settings(parser.add_argument_group("of a checkpoint"), AttentionSettings, "also")
    add_machine_arguments(parser)
    add_execution_arguments(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Run the programs and say what they found; the status says whether documents were left out."""
    from attnprobe.cli.flags import given
    from attnprobe.reports.identifiability_in_words import identifiability_in_words
    from attnprobe.settings.doors import in_flags
    from attnprobe.settings.identification import Identified
    from attnprobe.settings.unfit import told_by
    from attnprobe.stages.identifying.identification import identify
    from attnprobe.stages.reporting import report
    from attnprobe.stages.views import keep_views

    execution = execution_from(arguments)
    with told_by(in_flags):
        wanted = Identified(**given(arguments, Identified))
    left_out = 0
    new = _is_model(arguments.target)
    with _new_run(arguments, wanted.seed) if new else _old_run(arguments) as run:
        if new:
            left_out += _trained_and_probed(run, execution)
        if "seed" not in given(arguments, Identified):
            wanted = dataclasses.replace(wanted, seed=run.configuration.settings.seed)
        with told_by(in_flags):
            left_out += identify(run, wanted, execution)
        left_out += 0 if new else keep_views(run, execution)
        report(run.folder, say)
        summary = run.folder.read_summary()
        say_lines(f"\n{identifiability_in_words(summary)}")
        conclude(run=run.folder.path, identifiability=summary["identifiability"], documents_left_out=left_out)
    return DOCUMENTS_LEFT_OUT if left_out else 0


def _is_model(target: str) -> bool:
    """Whether it is a model's name, and not a run's folder."""
    from attnprobe.settings.kinds import KINDS

    return not Path(target).exists() and any(kind.has(target) for kind in KINDS.values())


def _trained_and_probed(run: Run, execution: ExecutionSettings) -> int:
    """As `attnprobe run` does it; how many documents were left out."""
    from attnprobe.stages import training as stages
    from attnprobe.stages.views import probe_with_views

    stages.train(run)
    return probe_with_views(run, execution)


@contextmanager
def _old_run(arguments: argparse.Namespace) -> Iterator[Run]:
    for name in _OF_NEW_RUNS:
        if getattr(arguments, name) is not None:
            raise InputError(f"--{name.replace('_', '-')} is for a model, and {arguments.target} is a run's folder.")
    with writing_run(Path(arguments.target), arguments) as run:
        yield run


@contextmanager
def _new_run(arguments: argparse.Namespace, seed: int) -> Iterator[Run]:
    """A run as `attnprobe run` makes it."""
    if arguments.dataset is None:
        raise InputError(f"{arguments.target} needs documents to read: give --dataset.")
    parser = argparse.ArgumentParser()
    add_run_arguments(parser)
    defaults = parser.parse_args(["--model", arguments.target, "--dataset", arguments.dataset])
    here = {name: getattr(arguments, name) for name in ("text_column", "label_column", "out", "data_dir", "device")}
    also = {name: value for name, value in vars(arguments).items() if name == ALSO}
    vars(defaults).update(here, seed=seed, **also)
    with start_run(defaults) as run:
        yield run
