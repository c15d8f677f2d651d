"""How commands end: what the exit status says (the whole list, and final), and the sentence that goes with it.

0 is success. Of a command that was stopped the status is the one that shells give to the signal.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

from attnprobe.base.closed_output import output_that_may_end
from attnprobe.base.errors import FailedError, InputError, error_of
from attnprobe.base.stopping import (
    StoppedError,
    stop_by_signals,
    stop_only_once,
    stop_with_input,
    stopped_by_signals,
)

FAILED = 1
"""The work failed: a disk is full, a check of ``attnprobe verify`` does not hold, a run of a grid failed."""

REFUSED = 2
"""The command line, or something that it names, cannot be used as it is."""

DOCUMENTS_LEFT_OUT = 3
"""The run ended, but without documents that broke the model."""

INTERRUPTED = 130
"""Ctrl-C."""

TERMINATED = 143
"""SIGTERM."""


def leave(program: str, work: Callable[[], int | None]) -> NoReturn:
    """Do the work of a command as :func:`carried_out` does, and end this process with its status.

    The work is done then: what Python tidies up afterwards is none that a signal could stop.
    """
    stop_by_signals()
    status = carried_out(program, work)
    with suppress(StoppedError):  # it came too late
        stop_only_once()
    sys.exit(status)


def carried_out(program: str, work: Callable[[], int | None]) -> int:
    """Do the work of a command; whatever keeps it from its end is one sentence on standard error.

    Args:
        program: whose work it is, for the sentence.
        work: gives an exit status, or None for 0.

    Returns:
        The exit status.
    """
    with output_that_may_end(), stopped_by_signals():
        stop_with_input()
        try:
            return _done_or_failed(program, work)
        except KeyboardInterrupt as stop:
            stop_only_once()
            print(f"\n{program}: stopped; the same command goes on from what is finished.", file=sys.stderr)
            return stop.status if isinstance(stop, StoppedError) else INTERRUPTED


def _done_or_failed(program: str, work: Callable[[], int | None]) -> int:
    try:
        return work() or 0
    except InputError as error:
        end = error
    except OSError as error:
        where = f" {error.filename}" if error.filename else ""
        end = error_of(error, f"Could not read or write{where}: {error.strerror or error}.")
    print(f"{program}: {end}", file=sys.stderr)
    return FAILED if isinstance(end, FailedError) else REFUSED
