"""Train a classifier, run every erasure test on it, and answer: does attention explain it?

Running the same command again reuses what is finished and resumes what is not.

  attnprobe run
  attnprobe run --dataset path/to/folder --model han-rnn
  attnprobe run --dataset path/to/folder --model hf:path/to/bert --unit word
"""

from __future__ import annotations

import argparse

from attnprobe.cli.execution import add_execution_arguments, execution_from
from attnprobe.cli.options import add_machine_arguments, add_run_arguments, say, start_run
from attnprobe.exit_status import DOCUMENTS_LEFT_OUT


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_run_arguments(parser)
    add_machine_arguments(parser)
    add_execution_arguments(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Run all stages and print the answer; the status says whether documents were left out."""
    from attnprobe import stages
    from attnprobe.execution.stage import probe
    from attnprobe.reporting import report

    execution = execution_from(arguments)
    with start_run(arguments) as run:
        stages.train(run)
        left_out = probe(run, execution)
        answer = report(run.folder, say)
        say(f"\n{answer}\n\nEverything is in {run.folder.path}: start with summary.json, tables/ and figures/.")
    return DOCUMENTS_LEFT_OUT if left_out else 0
