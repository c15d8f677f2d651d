"""The command line: one module a command, each with ``add_arguments`` and ``execute``.

Whatever keeps a command from its end is one sentence on standard error and an exit status of
:mod:`attnprobe.base.exit_status`. Who reads what is said, and for how long, changes nothing of that.
"""

from __future__ import annotations

import argparse
import difflib
import itertools
import os
import re
import shlex
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any, NoReturn

from attnprobe import __version__
from attnprobe.base.errors import InputError
from attnprobe.base.exit_status import carried_out, leave
from attnprobe.cli import (
    adversary,
    cache,
    claims,
    compare,
    describe,
    doctor,
    figures,
    grid,
    identify,
    knockout,
    live,
    probe,
    report,
    run,
    show,
    train,
    verify,
)
from attnprobe.cli import list as list_command
from attnprobe.cli.completion import ASKED, command_in, complete
from attnprobe.cli.console import add_output_arguments, print_document, speaking
from attnprobe.settings.unfit import SettingError

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
    "compare": compare,
    "adversary": adversary,
    "knockout": knockout,
    "list": list_command,
    "describe": describe,
    "doctor": doctor,
    "live": live,
    "cache": cache,
}


_NO_CHOICE = re.compile(
    r"argument (?P<of>\S+): invalid choice: (?P<given>.*) \(choose from (?P<those>.*)\)", flags=re.DOTALL
)


class _Parser(argparse.ArgumentParser):
    """A parser, and parsers of commands, whose complaints are sentences like all others."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the arguments."""
        message = _meant(message)
        end = "" if message.endswith("?") else f"; see {self.prog} --help."
        raise InputError(f"{message[0].upper()}{message[1:]}{end}")


def _meant(message: str) -> str:
    """What argparse says of a choice that there is not, with the nearest one that there is in the place of all."""
    found = _NO_CHOICE.fullmatch(message)
    if found is None:
        return message
    there = [each.strip(" '\"") for each in found["those"].split(",")]
    near = difflib.get_close_matches(found["given"].strip("'\""), there, n=1)
    kind = "command" if found["of"] == "COMMAND" else f"choice of {found['of']}"
    meant = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(there)}"
    return f"there is no {kind} {found['given']}; {meant}"


class _CommandParser(_Parser):
    """The parser of one command, which says what a flag that there is not may be meant for."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:  # noqa: ANN401
        """As the parser of all commands calls it; what is behind the command is for it alone."""
        parsed, unknown = super().parse_known_args(args, namespace)
        for argument in unknown:
            flag = argument.partition("=")[0]
            near = difflib.get_close_matches(flag, self._option_string_actions, n=1)
            if flag.startswith("--") and near:
                raise InputError(f"There is no setting {flag}; did you mean {near[0]}?")
            self.error(f"there is no place for {argument!r}")
        return parsed, unknown


def make_parser(only: str | None = None) -> argparse.ArgumentParser:
    """The parser of all commands; where the one that is given is known, no other's arguments are declared."""
    parser = _Parser(
        prog="attnprobe",
        description="Tests whether attention explains a model's decisions: erase attention weights, renormalise the "
        "rest, and see what becomes of the decision.",
    )
    parser.add_argument("--version", action="version", version=f"attnprobe {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_CommandParser)
    for name, module in COMMANDS.items():
        summary = (module.__doc__ or "").strip()
        of_command = commands.add_parser(
            name,
            help=summary.splitlines()[0],
            description=summary,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if only in (None, name):
            module.add_arguments(of_command)
            add_output_arguments(of_command)
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
    if ASKED in os.environ:  # a shell asks what may come next
        complete(make_parser(command_in(os.environ.get("COMP_LINE", ""))))
    arguments = sys.argv[1:] if arguments is None else arguments
    _check_not_empty(arguments)
    first = next((argument for argument in arguments if not argument.startswith("-")), "")
    parsed = make_parser(first).parse_args(arguments)
    try:
        with speaking(parsed, shlex.join(arguments)) as spoken:
            status: int = COMMANDS[parsed.command].execute(parsed) or 0
            spoken.note(f"exit status {status}")
    except SettingError as error:  # of what came through no file
        from attnprobe.settings.doors import in_flags

        raise InputError(error.told(in_flags)) from None
    print_document(parsed, spoken, status)
    return status
