"""Train a classifier, or fine-tune a Hugging Face model: the first part of `attnprobe run`, with the same arguments.

Several processes train together where torchrun starts them, each on its share of every batch:

  torchrun --nproc-per-node 2 -m attnprobe train --dataset path/to/folder

All other commands are for one process, but for `attnprobe probe --shard env`.
"""

from __future__ import annotations

import argparse
import os
from contextlib import ExitStack

from attnprobe.cli.console import conclude
from attnprobe.cli.options import add_machine_arguments, add_run_arguments, start_run


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_run_arguments(parser)
    add_machine_arguments(parser)


def execute(arguments: argparse.Namespace) -> None:
    """Train, or resume, or find it done."""
    # What torch's own code in C++ warns of is not for users; torch reads this on import.
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    from attnprobe.stages import training as stages
    from attnprobe.training.ranks import joined_ranks

    with joined_ranks(arguments.device) as ranks, ExitStack() as stack:
        with ranks.first_goes_first():
            run = stack.enter_context(start_run(arguments, fine_tune=True, ranks=ranks))
        stages.train(run)
        conclude(run=run.folder.path, model=run.subject.saved)
        run.say(f"The model is in {run.subject.saved}; test it with: attnprobe probe {run.folder.path}")
