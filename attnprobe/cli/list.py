"""Name the datasets, models, orderings, measurements, statistics, ways of erasing and decisions there are."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from attnprobe.base.registry import Origin
from attnprobe.base.visible import visible
from attnprobe.cli.console import conclude
from attnprobe.cli.options import add_machine_arguments, say_lines


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
    datasets = known_datasets(arguments.data_dir)
    for title, entries in (("Datasets", datasets), ("Models", models)):
        _print(title, [f"  {name:<20} {description}" for name, description in entries.items()])
    told: dict[str, dict[str, dict[str, object]]] = {}
    lines = []
    try:
        for name, ordering in ORDERINGS.items():
            on_request = name in OWN and OWN[name].on_request
            said = ": ".join(filter(None, [ordering.title, ordering.description])) + " (with --orderings)" * on_request
            lines.append(f"  {name:<26} {ordering.role.value:<12} {said}{_of(ORDERINGS.origin(name))}")
            told.setdefault("orderings", {})[name] = {
                **_entry(ordering, ORDERINGS.origin(name)),
                "role": ordering.role.value,
                "on_request": on_request,
            }
    finally:  # a package that cannot be imported ends the list, and what stands before it is told
        _print("Orderings", lines)
    for title, registry in (
        ("Measurements", MEASUREMENTS),
        ("Statistics", STATISTICS),
        ("Ways of erasing", ERASING),
        ("Decisions", DECISIONS),
    ):
        lines = []
        of_title = told.setdefault(title.lower().replace(" ", "_"), {})
        for name, entry in registry.items():
            said = ": ".join(filter(None, [entry.title, entry.description.replace("`", "")]))
            lines.append(f"  {name:<26} {said}{_of(registry.origin(name))}")
            of_title[name] = _entry(entry, registry.origin(name))
        _print(title, lines)
    conclude(datasets=datasets, models=models, **told)


def _print(title: str, lines: Sequence[str]) -> None:
    say_lines("\n".join([title, *(visible(line.rstrip()) for line in lines)]))


def _entry(entry: Any, origin: Origin | None) -> dict[str, object]:  # noqa: ANN401
    return {"title": entry.title, "description": entry.description, "origin": str(origin) if origin else None}


def _of(origin: Origin | None) -> str:
    return f" ({origin})" if origin else ""
