"""Train a classifier, run every erasure test on it, and answer: does attention explain it?

Running the same command again reuses what is finished and resumes what is not.

  attnprobe run
  attnprobe run --dataset path/to/folder --model han-rnn
  attnprobe run --seeds 0-2
  attnprobe run --dataset path/to/folder --model hf:path/to/bert --unit word
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from attnprobe.base.errors import InputError
from attnprobe.base.exit_status import DOCUMENTS_LEFT_OUT
from attnprobe.base.run_layout import PAGE
from attnprobe.cli.console import conclude
from attnprobe.cli.execution import add_execution_arguments, execution_from
from attnprobe.cli.options import (
    add_machine_arguments,
    add_run_arguments,
    opening,
    say,
    say_lines,
    seed_numbers,
    start_run,
)

if TYPE_CHECKING:
    from attnprobe.execution.settings import ExecutionSettings
    from attnprobe.runs.run_folder import RunFolder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_run_arguments(parser)
    parser.add_argument(
        "--seeds",
        type=seed_numbers,
        metavar="SEEDS",
        help="several, 0-2 or 0,3,5: a run of each, and the answer over them",
    )
    add_machine_arguments(parser)
    add_execution_arguments(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Run all stages and print the answer; the status says whether documents were left out."""
    execution = execution_from(arguments)
    if arguments.seeds is None:
        folder, answer, left_out = _run(arguments, execution)
        say_lines(f"\n{answer}\n")
        say(f"Everything is in {folder.path}: start with summary.json, tables/ and figures/.")
        say(opening(folder.path / PAGE, [folder.path]))
        conclude(runs=[_told(folder)], documents_left_out=left_out)
        return DOCUMENTS_LEFT_OUT if left_out else 0
    if hasattr(arguments, "seed"):
        raise InputError("--seed and --seeds exclude each other: give one of them.")
    return _run_each(arguments, execution)


def _run_each(arguments: argparse.Namespace, execution: ExecutionSettings) -> int:
    """A run of each seed, in a folder of its own as ever, and the answer over all of them."""
    from attnprobe.analysis.results import RunResults
    from attnprobe.reports.answer_over_seeds import answer_over_seeds

    folders: list[RunFolder] = []
    any_left_out = 0
    for seed in arguments.seeds:
        say(f"Seed {seed} ({len(folders) + 1} of {len(arguments.seeds)})")
        one = argparse.Namespace(**{**vars(arguments), "seed": seed})
        folder, _, left_out = _run(one, execution)
        folders.append(folder)
        any_left_out += left_out
    runs = [RunResults.load(folder.path) for folder in folders]
    say_lines(f"\n{answer_over_seeds(runs, [folder.read_summary() for folder in folders])}\n")
    say(f"The answer of one seed: attnprobe report {folders[0].path}")
    say(opening(folders[0].path / PAGE, [folders[0].path]))
    conclude(runs=[_told(folder) for folder in folders], documents_left_out=any_left_out)
    return DOCUMENTS_LEFT_OUT if any_left_out else 0


def _told(folder: RunFolder) -> dict[str, object]:
    return {"run": folder.path, "page": folder.path / PAGE, "summary": folder.read_summary()}


def _run(arguments: argparse.Namespace, execution: ExecutionSettings) -> tuple[RunFolder, str, int]:
    """All stages of a run: where it is, its answer, and how many documents were left out."""
    from attnprobe.stages import training as stages
    from attnprobe.stages.reporting import report
    from attnprobe.stages.views import probe_with_views

    with start_run(arguments) as run:
        stages.train(run)
        left_out = probe_with_views(run, execution, force=arguments.force)
        return run.folder, report(run.folder, say), left_out
