"""Starting processes that do not run the caller's script and leave signals to their parent."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from types import FrameType, ModuleType

STOPPING = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def sheltered_start() -> Iterator[None]:
    """Processes started inside do not import the caller's script, and no signal reaches them before they ask for it."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        with signals_held_back(), _mask_to_inherit():
            yield
    finally:
        sys.modules["__main__"] = main


@contextmanager
def signals_held_back() -> Iterator[None]:
    """Ctrl-C and SIGTERM take effect when this ends.

    Handlers are replaced: holding a signal back from one thread would only give it to another, where there is one.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # handlers run in the main thread
        return
    received: list[int] = []

    def hold(number: int, frame: FrameType | None) -> None:
        received.append(number)

    before = {number: signal.getsignal(number) for number in STOPPING}
    replaced = [number for number in STOPPING if before[number] not in (signal.SIG_IGN, None)]
    for number in replaced:
        signal.signal(number, hold)
    try:
        yield
    finally:
        for number in replaced:
            signal.signal(number, before[number])
        for caught in dict.fromkeys(received):
            signal.raise_signal(caught)


@contextmanager
def _mask_to_inherit() -> Iterator[None]:
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    resource_tracker.ensure_running()  # starting later, it would end the holding back
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
