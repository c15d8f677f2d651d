"""What a command says, and where to: progress, results, one JSON document, and a log of all of it.

Every command has the same four arguments for it, which are declared here. Lines fit the terminal, or ``COLUMNS`` of the
environment; into a file or a pipe they go as they were made, the same everywhere: tables and filled sentences are
``WIDTH`` wide at most, and what is one sentence is one line.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import enum
import json
import math
import os
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from attnprobe import __version__
from attnprobe.base.errors import InputError
from attnprobe.base.own_files import FILE, kind_of
from attnprobe.base.progress_bars import without_bars
from attnprobe.base.text_cells import fitted
from attnprobe.base.visible import in_json, visible

WIDTH = 100
"""Cells in a line where nobody watches; also what sentences of reports are filled to."""

NARROWEST = 20
"""Cells below which nothing is fitted any more."""

LOG = "# a log of attnprobe"
"""The first line of a log: what begins otherwise is somebody's file, and nothing is added to it."""


def add_output_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments that every command has."""
    group = parser.add_argument_group("what is said")
    group.add_argument("--json", action="store_true", help="print one JSON document; all else goes to standard error")
    how_much = group.add_mutually_exclusive_group()
    how_much.add_argument("--quiet", action="store_true", help="print results alone, without progress")
    how_much.add_argument("--verbose", action="store_true", help="print with each step how long the command has run")
    group.add_argument("--log", type=Path, metavar="FILE", help="add all that is said, with the time, to this file")


class Console:
    """Where the sentences of one command go.

    Args:
        as_json: whether standard output is for one document alone.
        quiet: whether progress is left out.
        verbose: whether seconds are told.
        log: an open file for all of it, or None.
    """

    def __init__(
        self, *, as_json: bool = False, quiet: bool = False, verbose: bool = False, log: TextIO | None = None
    ) -> None:
        self._as_json, self._quiet, self._verbose, self._log = as_json, quiet, verbose, log
        self._began = time.monotonic()
        self.document: dict[str, Any] = {}

    def progress(self, sentence: str) -> None:
        """Say what is done."""
        shown = visible(sentence)
        self.note(shown)
        if self._verbose:
            shown = f"[{time.monotonic() - self._began:.1f} s] {shown}"
        if not self._quiet:
            self._print(fitted(shown, width(), WIDTH) if _watched() else shown)

    def result(self, text: str, *, made: bool = False) -> None:
        """Print what was asked for, in lines; ``made`` where they already fit, and may have colours."""
        self.note(visible(text, kept="\n"))
        shown = visible(text, kept="\n\x1b" if made else "\n")
        self._print(fitted(shown, width(), WIDTH) if _watched() and not made else shown)

    def note(self, text: str) -> None:
        """Write into the log alone."""
        if self._log is not None:
            now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            self._log.write("".join(f"{now} {line}".rstrip() + "\n" for line in text.strip("\n").split("\n")))
            self._log.flush()

    def _print(self, text: str) -> None:
        print(text, file=sys.stderr if self._as_json else sys.stdout, flush=True)


_DEFAULT = Console()
_current = _DEFAULT  # of the process: also threads that a command starts say what they do


def console() -> Console:
    """That of the command that runs."""
    return _current


def width() -> int:
    """Cells in a line: of ``COLUMNS`` in the environment, of the terminal, or ``WIDTH``."""
    return max(NARROWEST, shutil.get_terminal_size((WIDTH, 24)).columns)


def _watched() -> bool:
    return sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdecimal()


def colours() -> bool:
    """Whether colours are shown: in a terminal, unless NO_COLOR is set."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


@contextlib.contextmanager
def speaking(arguments: argparse.Namespace, said: str) -> Iterator[Console]:
    """Within, a command says things as its arguments ask for; its document is printed by :func:`print_document`.

    Args:
        arguments: of a command.
        said: the command as it was typed, for the log.

    Raises:
        InputError: the log cannot be written.
    """
    global _current
    with contextlib.ExitStack() as stack:
        log = None if arguments.log is None else stack.enter_context(_opened_log(arguments.log))
        told = {"quiet": arguments.quiet, "verbose": arguments.verbose}
        before, _current = _current, Console(as_json=arguments.json, log=log, **told)
        if arguments.quiet:
            stack.enter_context(without_bars())
        if arguments.json:
            stack.enter_context(contextlib.redirect_stdout(sys.stderr))
        _current.note(f"attnprobe {__version__}: {visible(said)}")
        try:
            yield _current
        except BaseException as error:
            _current.note(f"{'stopped' if isinstance(error, KeyboardInterrupt) else 'ended'}: {visible(str(error))}")
            raise
        finally:
            _current = before


def print_document(arguments: argparse.Namespace, spoken: Console, status: int) -> None:
    """Print the one document of a command that was asked for it, as documented in docs/using.md."""
    if arguments.json:
        head = {"attnprobe": __version__, "command": arguments.command, "status": status}
        print(in_json(json.dumps(plain({**head, **spoken.document}), allow_nan=False, indent=2)), flush=True)


def conclude(**document: object) -> None:
    """What the command's JSON document says, where one is asked for."""
    _current.document.update(document)


_NOTHING = ("NAType", "NaTType")
"""Types of what pandas has where nothing is; it need not be imported."""


def plain(value: Any) -> Any:  # noqa: ANN401
    """The same as what JSON has: a number that is none, or not finite, is null; tables are lists of their rows.

    >>> plain({"p": float("nan"), 1: (1, float("inf"))})
    {'p': None, '1': [1, None]}
    """
    if isinstance(value, enum.Enum):
        return plain(value.value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if value is None or isinstance(value, str | bool | int) or type(value).__name__ in _NOTHING:
        return None if type(value).__name__ in _NOTHING else value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if hasattr(value, "_asdict"):
        return plain(value._asdict())
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(each) for key, each in value.items()}
    if hasattr(value, "to_dict"):  # a table of pandas
        return plain(value.to_dict("records"))
    if hasattr(value, "tolist"):  # an array or a number of numpy
        return plain(value.tolist())
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(each) for each in value]
    return str(value)


def _opened_log(path: Path) -> TextIO:
    if kind_of(path) not in (None, FILE):
        raise InputError(f"{path} is {kind_of(path)}, and --log has to be a file.")
    file = path.open("a+", encoding="utf-8", errors="backslashreplace")
    file.seek(0)
    if file.readline(len(LOG) + 1).rstrip("\n") not in ("", LOG):
        file.close()
        raise InputError(f"{path} is no log of attnprobe, and is left as it is; give another --log.")
    if not file.tell():
        file.write(f"{LOG}\n")
    elif not _ends_a_line(path):  # as what was cut short, or an editor leaves it
        file.write("\n")
    return file


def _ends_a_line(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read() == b"\n"
