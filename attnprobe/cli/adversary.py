"""How different could a model's attention be with the same predictions? At most, and not as far as a search gets.

attnprobe adversary runs/docstrings/flan-rnn/seed-0 --out adversary
"""

from __future__ import annotations

import argparse
from pathlib import Path

from attnprobe.base.errors import InputError
from attnprobe.cli.console import conclude
from attnprobe.cli.options import add_machine_arguments, say, say_lines, writing_run


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    from attnprobe.cli.flags import add_settings
    from attnprobe.settings.adversary import Adversaries

    parser.add_argument("run", type=Path, metavar="RUN", help="a run's folder, whose attention pools; left as it is")
    add_settings(parser, Adversaries)
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("adversary"),
        metavar="DIR",
        help="tables of documents and of the frontier, and a figure (adversary)",
    )
    add_machine_arguments(parser)


def execute(arguments: argparse.Namespace) -> None:
    """Move the attention of a sample of documents; print and write what came of it."""
    from attnprobe.analysis.adversary_frontier import frontier_of
    from attnprobe.analysis.results import RunResults
    from attnprobe.cli.flags import given
    from attnprobe.papers.jain2019.searched_attention import searched_divergence
    from attnprobe.reports.adversary.files import write_frontier
    from attnprobe.reports.adversary.words import frontier_in_words
    from attnprobe.settings.adversary import Adversaries
    from attnprobe.settings.doors import in_flags
    from attnprobe.settings.unfit import told_by
    from attnprobe.stages.adversary import move_attention

    with told_by(in_flags):
        wanted = Adversaries(**given(arguments, Adversaries))
    results = RunResults.load(arguments.run)
    if (arguments.out / "config.json").exists():
        raise InputError(f"{arguments.out} is a run's folder, which is left as it is; give another --out.")
    if arguments.out.exists() and not arguments.out.is_dir():
        raise InputError(f"{arguments.out} is no folder, and --out has to be one.")
    with writing_run(arguments.run, arguments, shared=True) as run:
        moved = move_attention(run, wanted, searched_divergence)
    frontier = frontier_of(*moved, same_output=wanted.same_output)
    say_lines(f"{frontier_in_words(results.name, results.unit, frontier)}\n")
    made = write_frontier(results, *moved, frontier, arguments.out)
    for path in made:
        say(str(path))
    conclude(run=arguments.run, frontier=frontier, files=made)
