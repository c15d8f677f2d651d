"""Train a classifier, or fine-tune a Hugging Face model: the first part of `attnprobe run`, with the same arguments."""

from __future__ import annotations

import argparse

from attnprobe.cli.options import add_machine_arguments, add_run_arguments, say, start_run


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_run_arguments(parser)
    add_machine_arguments(parser)


def execute(arguments: argparse.Namespace) -> None:
    """Train, or resume, or find it done."""
    from attnprobe import stages

    run = start_run(arguments, fine_tune=True)
    stages.train(run)
    say(f"The model is in {run.subject.saved}; test it with: attnprobe probe {run.folder.path}")
