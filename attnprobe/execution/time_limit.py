"""How long one step of a piece may take: reading texts as numbers, or one batch of documents.

A process has one such clock. Where it runs out, the operating system ends a worker, whatever it is doing, also where it
does not come back to Python; in the process that asked for the piece, the piece fails if Python can be interrupted, and
the process ends otherwise.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

DOCUMENT_SECONDS = 3600.0
"""That a step may take unless something else is asked for."""

GRACE = 60.0
"""Seconds after which a process ends that could not be interrupted."""

_LONGEST = 1e8
"""Seconds, three years: clocks count no further."""

_wind: Callable[[], None] | None = None


class TooLongError(Exception):
    """A step took longer than it may."""


def in_words(seconds: float) -> str:
    """Why a piece is left out whose step took longer.

    >>> in_words(3600.0)
    'it took longer than 3600 s'
    """
    return f"it took longer than {seconds:g} s"


def begin_step() -> None:
    """A further step of the piece begins: the clock starts anew, if there is one."""
    if _wind is not None:
        _wind()


@contextmanager
def ending_the_worker(seconds: float | None) -> Iterator[None]:
    """The process is killed by SIGALRM where a step inside takes longer; None for no limit."""
    if seconds is None or not hasattr(signal, "setitimer"):  # Windows
        yield
        return
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGALRM, signal.SIG_DFL)  # a parent that ignores it has its children ignore it

    def wind() -> None:
        signal.setitimer(signal.ITIMER_REAL, min(seconds, _LONGEST))

    with _winding(wind):
        yield


@contextmanager
def ending_the_piece(seconds: float | None) -> Iterator[None]:
    """``TooLongError`` is raised where a step inside takes longer; None for no limit.

    A step that cannot be interrupted ends the process ``GRACE`` later, with exit status 1, and a line that says where
    it was. In a thread that is not the main one nothing can be interrupted: there is no limit there.
    """
    main = threading.current_thread() is threading.main_thread()
    if seconds is None or not main or not hasattr(signal, "setitimer"):
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        if _wind is not None:  # otherwise the piece was done in the very moment
            raise TooLongError(in_words(seconds))

    def wind() -> None:
        # Again and again: what is raised in a destructor or a callback is lost.
        signal.setitimer(signal.ITIMER_REAL, min(seconds, _LONGEST), GRACE / 4)
        faulthandler.dump_traceback_later(min(seconds, _LONGEST) + GRACE, exit=True, file=last_words)

    before = signal.signal(signal.SIGALRM, stop)
    try:
        with _errors() as last_words, _winding(wind):
            yield
    finally:
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _errors() -> Iterator[int]:
    """Where the process says what ends it: standard error, or nowhere if that is closed."""
    try:
        if sys.__stderr__ is None:
            raise OSError
        descriptor = os.dup(sys.__stderr__.fileno())
    except (OSError, ValueError):
        descriptor = os.open(os.devnull, os.O_WRONLY)
    try:
        yield descriptor
    finally:
        faulthandler.cancel_dump_traceback_later()
        os.close(descriptor)


@contextmanager
def _winding(wind: Callable[[], None]) -> Iterator[None]:
    global _wind
    _wind = wind
    try:
        wind()
        yield
    finally:
        _wind = None
        signal.setitimer(signal.ITIMER_REAL, 0)
