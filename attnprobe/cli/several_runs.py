"""Commands that take runs, or folders that hold some: which runs are meant, and a line for each of many."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from attnprobe.base.errors import FailedError, InputError, error_of
from attnprobe.base.exit_status import DOCUMENTS_LEFT_OUT, FAILED, REFUSED
from attnprobe.cli.console import conclude
from attnprobe.cli.options import say_lines

WORST_FIRST = (FAILED, REFUSED, DOCUMENTS_LEFT_OUT, 0)
"""Exit statuses: what is wrong comes before what could not be looked at."""


def add_runs(parser: argparse.ArgumentParser, together: str = "") -> None:
    """Declare the argument that runs are named by.

    Args:
        parser: of a command.
        together: what is made of several beside what is made of each.
    """
    told = f"run folders, or folders that hold some: then a line for each run{together}"
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUNS", help=told)


class Meant(NamedTuple):
    """The runs that arguments name, and whether one of them is a folder that holds runs."""

    folders: list[Path]
    below: bool


class Outcome(NamedTuple):
    """What became of one of several runs: an exit status, what its line says, and what its JSON does."""

    status: int
    line: str
    document: Mapping[str, Any] = MappingProxyType({})


def runs_meant(paths: Iterable[Path]) -> Meant:
    """A run's folder is itself; of another folder all runs below it, whatever state they are in, in order of path."""
    from attnprobe.analysis.finding_runs import runs_below

    folders: dict[Path, None] = {}
    any_below = False
    for path in paths:
        below = runs_below(path)
        any_below |= bool(below)
        folders.update(dict.fromkeys(below or [path]))  # one without is refused as no run
    return Meant(list(folders), any_below)


def each_by_itself(folders: Sequence[Path], work: Callable[[Path], Outcome]) -> int:
    """Do the work on each run and print a line of it; one that cannot be used does not stop the others.

    Returns:
        The worst exit status.
    """
    statuses = {0}
    told = []
    for folder in folders:
        try:
            outcome = work(folder)
        except InputError as error:
            outcome = _ended(error)
        except OSError as error:
            where = f" {error.filename}" if error.filename else ""
            outcome = _ended(error_of(error, f"Could not read or write{where}: {error.strerror or error}."))
        say_lines(f"{folder}: {outcome.line}".replace("\n", " "))
        told.append({"run": folder, "status": outcome.status, "said": outcome.line, **outcome.document})
        statuses.add(outcome.status)
    conclude(runs=told)
    return next(status for status in WORST_FIRST if status in statuses)


def _ended(error: InputError) -> Outcome:
    if isinstance(error, FailedError):
        return Outcome(FAILED, f"failed: {error}")
    return Outcome(REFUSED, f"refused: {error}")
