"""Train a classifier, run every erasure test on it, and answer: does attention explain it?

Running the same command again reuses what is finished and resumes what is not.

  attnprobe run
  attnprobe run --dataset path/to/folder --model han-rnn
  attnprobe run --dataset path/to/folder --model hf:path/to/bert --unit word
"""

from __future__ import annotations

import argparse

from attnprobe.cli.options import add_machine_arguments, add_run_arguments, say, start_run


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_run_arguments(parser)
    add_machine_arguments(parser)


def execute(arguments: argparse.Namespace) -> None:
    """Run all stages and print the answer."""
    from attnprobe import stages
    from attnprobe.reporting import report

    run = start_run(arguments)
    stages.train(run)
    stages.probe(run)
    answer = report(run.folder, say)
    say(f"\n{answer}\n\nEverything is in {run.folder.path}: start with summary.json, tables/ and figures/.")
