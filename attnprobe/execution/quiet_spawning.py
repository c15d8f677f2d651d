"""Starting processes that do not run the caller's script and leave signals to their parent."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context, resource_tracker
from multiprocessing.process import BaseProcess
from types import FrameType, ModuleType
from typing import Any

from attnprobe.execution.one_thread import of_one_thread

STOPPING = (signal.SIGINT, signal.SIGTERM)

FORKS = sys.platform == "linux" and sys.version_info >= (3, 11, 1)
"""Whether processes are forks of a server that has imported what they need: Python's own way since 3.14, on the systems
where forking is sound. Before 3.11.1 other users could reach the server (CVE-2022-42919)."""


def quiet_process(target: Callable[..., object], arguments: tuple[Any, ...], name: str, module: str) -> BaseProcess:
    """A process that calls ``target`` with ``arguments``, to be started inside :func:`sheltered_start`.

    It has this process's environment, folder and path. Where it is forked, ``module`` was imported once, by the first
    such process of this one, and so was torch with it: a second of the processor for each further one.
    """
    if not FORKS:
        return get_context("spawn").Process(target=target, args=arguments, name=name)
    context = get_context("forkserver")
    context.set_forkserver_preload([module])
    return context.Process(target=_in_environment, args=(dict(os.environ), target, arguments), name=name)


def _in_environment(environment: dict[str, str], target: Callable[..., object], arguments: tuple[Any, ...]) -> None:
    """The server has the environment in which it was started."""
    os.environ.clear()
    os.environ.update(environment)
    target(*arguments)


@contextmanager
def sheltered_start() -> Iterator[None]:
    """Processes started inside do not import the caller's script, and no signal reaches them before they ask for it.

    What they import computes with one thread.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        with signals_held_back(), _mask_to_inherit(), of_one_thread():
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
