"""Name the datasets, models and orderings there are."""

from __future__ import annotations

import argparse

from attnprobe.cli.options import add_machine_arguments


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_machine_arguments(parser)


def execute(arguments: argparse.Namespace) -> None:
    """Print all names."""
    from attnprobe.battery import ORACLE
    from attnprobe.data.datasets import known_datasets
    from attnprobe.models import MODELS
    from attnprobe.orderings import ORDERINGS

    orderings = {name: ordering.description for name, ordering in ORDERINGS.items()}
    orderings[ORACLE] = "not an ordering: the smallest set whose erasure flips the decision, exactly"
    models = {name: architecture.description for name, architecture in MODELS.items()}
    for title, entries in (
        ("Datasets", known_datasets(arguments.data_dir)),
        ("Models", models),
        ("Orderings", orderings),
    ):
        print(title)
        for name, description in entries.items():
            print(f"  {name:<20} {description}".rstrip())
