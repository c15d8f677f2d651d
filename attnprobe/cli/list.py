"""Name the datasets, models, orderings, measurements, statistics, ways of erasing and decisions there are."""

from __future__ import annotations

import argparse

from attnprobe.base.registry import Origin
from attnprobe.base.visible import visible
from attnprobe.cli.options import add_machine_arguments, say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_machine_arguments(parser)


def execute(arguments: argparse.Namespace) -> None:
    """Print all names."""
    from attnprobe.analysis.registered_statistics import STATISTICS
    from attnprobe.data.known_datasets import known_datasets
    from attnprobe.erasure.registered_decisions import DECISIONS
    from attnprobe.erasure.registered_measurements import MEASUREMENTS
    from attnprobe.erasure.registered_orderings import ORDERINGS, OWN
    from attnprobe.erasure.registered_ways import ERASING
    from attnprobe.settings.kinds import KINDS, MODELS

    models = {name: model.description for name, model in MODELS.items()}
    models |= {kind.named: kind.description for kind in KINDS.registered.values() if kind.named}
    models |= {name: f"{KINDS[name].description} ({KINDS.origin(name)})" for name in KINDS.offered}
    for title, entries in (
        ("Datasets", known_datasets(arguments.data_dir)),
        ("Models", models),
    ):
        say(title)
        for name, description in entries.items():
            say(visible(f"  {name:<20} {description}".rstrip()))
    say("Orderings")
    for name, ordering in ORDERINGS.items():  # a package that cannot be imported ends the list
        told = ": ".join(filter(None, [ordering.title, ordering.description]))
        told += " (with --orderings)" * (name in OWN and OWN[name].on_request)
        say(visible(f"  {name:<26} {ordering.role.value:<12} {told}{_of(ORDERINGS.origin(name))}"))
    for title, registry in (
        ("Measurements", MEASUREMENTS),
        ("Statistics", STATISTICS),
        ("Ways of erasing", ERASING),
        ("Decisions", DECISIONS),
    ):
        say(title)
        for name, entry in registry.items():
            told = ": ".join(filter(None, [entry.title, entry.description.replace("`", "")]))
            say(visible(f"  {name:<26} {told}{_of(registry.origin(name))}"))


def _of(origin: Origin | None) -> str:
    return f" ({origin})" if origin else ""
