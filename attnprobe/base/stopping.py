"""Ctrl-C and SIGTERM: both stop what is under way by an exception, so that nothing is left half done."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

SECONDS_TILL_AGAIN = 0.05
"""After which a stop is tried again that came where Python lets no exception out."""


STOPS_WITH_INPUT = "ATTNPROBE_STOPS_WITH_INPUT"
"""The environment variable of a command that another attnprobe has started, and that is to end with it."""


class StoppedError(KeyboardInterrupt):
    """A signal asked this process to stop.

    A class of its own also for Ctrl-C: of a plain KeyboardInterrupt that passed through code compiled at run time,
    Python remembers that it was there, and kills itself at the end whatever became of it.

    Attributes:
        number: of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number

    @property
    def status(self) -> int:
        """The exit status that says so: 130 of Ctrl-C, 143 of SIGTERM."""
        return 128 + self.number


_BY_DEFAULT: dict[signal.Signals, Any] = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Within, Ctrl-C and SIGTERM raise ``StoppedError``, unless the program meets them in a way of its own."""
    if threading.current_thread() is not threading.main_thread():
        yield  # handlers run in the main thread
        return
    hook = sys.unraisablehook
    ours = stop_by_signals()
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, _BY_DEFAULT[number])
        sys.unraisablehook = hook


def stop_by_signals() -> list[signal.Signals]:
    """From now on Ctrl-C and SIGTERM raise ``StoppedError``; those that the program meets in a way of its own do not.

    Returns:
        Those that did not do so before.
    """
    ours = [number for number, default in _BY_DEFAULT.items() if signal.getsignal(number) == default]
    if ours:
        sys.unraisablehook = partial(heed_again, sys.unraisablehook)
    for number in ours:
        signal.signal(number, _stop)
    return ours


def stop_with_input() -> None:
    """Stop as by SIGTERM when standard input ends, if the environment says so: whoever started us is no more."""
    if os.environ.pop(STOPS_WITH_INPUT, None) is not None:
        threading.Thread(target=_await_end_of_input, daemon=True).start()


def _await_end_of_input() -> None:
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def stop_only_once() -> None:
    """From now on further signals to stop change nothing: we are stopping."""
    for number in _BY_DEFAULT:
        if signal.getsignal(number) is _stop:
            signal.signal(number, signal.SIG_IGN)


def _stop(number: int, frame: FrameType | None) -> None:
    raise StoppedError(number)


def heed_again(hook: Callable[[UnraisableHookArgs], object], unraisable: UnraisableHookArgs) -> None:
    """Stop again soon: a stop that came while an object was taken away is lost to the program, which would just go on.

    Args:
        hook: what is done with any other exception that Python lets no further.
        unraisable: the exception.
    """
    if not isinstance(unraisable.exc_value, StoppedError):
        hook(unraisable)
        return
    # Not here, where it would be lost as well.
    again = threading.Timer(SECONDS_TILL_AGAIN, os.kill, (os.getpid(), unraisable.exc_value.number))
    again.daemon = True
    again.start()
