"""The command line: one module a command, each with ``add_arguments`` and ``execute``.

Whatever keeps a command from its end is one sentence on standard error and an exit status of
:mod:`attnprobe.base.exit_status`. Who reads what is said, and for how long, changes nothing of that.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import NoReturn

from attnprobe import __version__
from attnprobe.base.errors import InputError
from attnprobe.base.exit_status import carried_out, leave
from attnprobe.base.visible import visible
from attnprobe.cli import claims, describe, doctor, figures, grid, identify, probe, report, run, show, train, verify
from attnprobe.cli import list as list_command

COMMANDS: dict[str, ModuleType] = {
    "run": run,
    "train": train,
    "probe": probe,
    "verify": verify,
    "report": report,
    "identify": identify,
    "show": show,
    "grid": grid,
    "figures": figures,
    "claims": claims,
    "list": list_command,
    "describe": describe,
    "doctor": doctor,
}


class _Parser(argparse.ArgumentParser):
    """A parser, and parsers of commands, whose complaints show what they quote."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the arguments, and leave with status 2."""
        super().error(visible(message))


def make_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = _Parser(
        prog="attnprobe",
        description="Tests whether attention explains a model's decisions: erase attention weights, renormalise the "
        "rest, and see what becomes of the decision.",
    )
    parser.add_argument("--version", action="version", version=f"attnprobe {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, module in COMMANDS.items():
        summary = (module.__doc__ or "").strip()
        of_command = commands.add_parser(
            name,
            help=summary.splitlines()[0],
            description=summary,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(of_command)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command in this process, which goes on; returns the exit status."""
    _let_threads_wait()
    return carried_out("attnprobe", lambda: _execute(arguments))


def command(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command and end the process with its exit status."""
    _let_threads_wait()
    leave("attnprobe", lambda: _execute(arguments))


def _let_threads_wait() -> None:
    # Threads that spin while they wait take the other core from whoever else is at work; torch reads this on import.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def _check_not_empty(arguments: Sequence[str]) -> None:
    """Raise an InputError where an argument is empty: as a path it would be this folder, which nobody meant.

    Unset variables of a shell make them, as in ``--out "$OUT"``.
    """
    for before, argument in itertools.pairwise(["", *arguments]):
        if argument.startswith("--") and argument.endswith("="):
            raise InputError(f"There is nothing behind {argument}: give it a value, or leave it out.")
        if not argument:
            after = f" after {before}" if before else ""
            raise InputError(f"The argument{after} is empty: give it a value, or leave it out.")


def _execute(arguments: Sequence[str] | None) -> int | None:
    _check_not_empty(sys.argv[1:] if arguments is None else arguments)
    parsed = make_parser().parse_args(arguments)
    status: int | None = COMMANDS[parsed.command].execute(parsed)
    return status
