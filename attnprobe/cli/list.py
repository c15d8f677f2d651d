"""Name the datasets, models and orderings there are."""

from __future__ import annotations

import argparse

from attnprobe.cli.options import add_machine_arguments, say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_machine_arguments(parser)


def execute(arguments: argparse.Namespace) -> None:
    """Print all names."""
    from attnprobe.data.datasets import known_datasets
    from attnprobe.erasure.battery import GREEDY, ORACLE
    from attnprobe.erasure.orderings import ORDERINGS
    from attnprobe.runs.configuration_entries import HUB
    from attnprobe.settings.kinds import MODELS

    orderings = {name: ordering.description for name, ordering in ORDERINGS.items()}
    orderings[GREEDY] = "largest gradient first, ranked again after each removal; of transformers, on request"
    orderings[ORACLE] = (
        "not an ordering: the smallest set whose erasure flips the decision, exactly; of affine readouts"
    )
    models = {name: architecture.description for name, architecture in MODELS.items()}
    models[f"{HUB}PATH_OR_ID"] = "a Hugging Face transformer, from a folder or the hub"
    for title, entries in (
        ("Datasets", known_datasets(arguments.data_dir)),
        ("Models", models),
        ("Orderings", orderings),
    ):
        say(title)
        for name, description in entries.items():
            say(f"  {name:<20} {description}".rstrip())
