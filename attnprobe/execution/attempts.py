"""One attempt at a piece: what is the piece's fault, and what ends the whole run."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from time import perf_counter, process_time
from typing import NamedTuple

from attnprobe.base.errors import DocumentError, FailedError, InputError
from attnprobe.execution.time_limit import TooLongError
from attnprobe.execution.work import P
from attnprobe.settings.unfit import SettingError

LONGEST_REASON = 200
"""Characters of an error's message that are kept."""


class Attempt(NamedTuple):
    """What came of it.

    Attributes:
        failure: None if the piece is done, otherwise the reason in a few words.
        seconds: of the clock.
        cpu_seconds: of all the process's threads.
        spent: the process cannot compute any more: an error of the accelerator makes all later calls fail too.
    """

    failure: str | None
    seconds: float
    cpu_seconds: float
    spent: bool = False


def attempt(do: Callable[[P], None], piece: P, limit: AbstractContextManager[None] | None = None) -> Attempt:
    """Do a piece.

    Whatever is raised is the piece's failure, also what is no ``Exception``: the panic of a tokenizer in Rust, an exit
    that a model calls.

    Args:
        do: does it.
        piece: which.
        limit: entered meanwhile; it may raise ``TooLongError``.

    Raises:
        InputError, OSError: it did not fail by fault of its documents: another piece would fare no better.
        KeyboardInterrupt: someone wants the whole to end.
    """
    began, cpu_began = perf_counter(), process_time()
    failure, spent = None, False
    try:
        with limit or nullcontext():
            do(piece)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        if ends_the_run(error):
            raise portable(error) from error
        failure, spent = reason(error), _spends_the_process(error)
    return Attempt(failure, perf_counter() - began, process_time() - cpu_began, spent)


def ends_the_run(error: BaseException) -> bool:
    """Whether it is no document's fault: wrong input, a full disk, a missing file; but not a lack of memory."""
    if isinstance(error, DocumentError):
        return False
    return isinstance(error, InputError) or (isinstance(error, OSError) and error.errno != errno.ENOMEM)


def portable(error: BaseException) -> InputError | OSError:
    """The same error as a plain one, which can be sent to another process.

    A subclass may not survive that; one of a setting does, and is told in the words of the door that it came through.
    A broken pipe loses its number, so that whoever receives it takes it for none of theirs.
    """
    if isinstance(error, OSError):
        if error.errno is None or isinstance(error, BrokenPipeError):
            return OSError(str(error))
        return OSError(error.errno, error.strerror, error.filename, None, error.filename2)
    if isinstance(error, SettingError):
        return error
    return (FailedError if isinstance(error, FailedError) else InputError)(str(error))


def reason(error: BaseException) -> str:
    """An error in a few words.

    >>> reason(ValueError("no tokens\\nat all"))
    'ValueError: no tokens'
    """
    if isinstance(error, TooLongError | DocumentError):
        return str(error).rstrip(".")
    lines = str(error).strip().splitlines()
    text = lines[0] if lines else ""
    if len(text) > LONGEST_REASON:
        text = text[:LONGEST_REASON].rstrip() + " …"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _spends_the_process(error: BaseException) -> bool:
    torch = sys.modules.get("torch")  # a process that has not loaded it has no accelerator to lose
    kind = getattr(torch, "AcceleratorError", None)
    return kind is not None and isinstance(error, kind)
