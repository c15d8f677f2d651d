"""Work spread over processes that start fast and stop quietly."""

from __future__ import annotations

import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context, resource_tracker
from types import ModuleType
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

MOST_WORKERS = 8
CHUNKS_AHEAD = 3  # per worker: no worker waits, and only so much is pickled at a time


def worker_count() -> int:
    """How many processes are worth starting on this machine."""
    return min(os.cpu_count() or 1, MOST_WORKERS)


def map_in_processes(function: Callable[[T], R], chunks: Iterable[T], workers: int) -> Generator[R, None, None]:
    """``function`` of each chunk, in the order of the chunks, computed by ``workers`` processes.

    ``function`` belongs to a module that imports little. When interrupted, chunks not begun are dropped.
    """
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_start_worker)
    running: deque[Future[R]] = deque()
    try:
        for chunk in chunks:
            with _sheltered_start():
                running.append(pool.submit(function, chunk))
            if len(running) > CHUNKS_AHEAD * workers:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _start_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # spaCy imports torch where there is one, which takes seconds and which no worker has a use for.
    sys.modules["torch"] = None  # type: ignore[assignment]


@contextmanager
def _sheltered_start() -> Iterator[None]:
    """Processes started inside do not run the caller's script, and leave interruptions to their parent."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    with _interruptions_held_back():
        try:
            yield
        finally:
            sys.modules["__main__"] = main


@contextmanager
def _interruptions_held_back() -> Iterator[None]:
    """Processes inherit what is held back; the parent gets an interruption as soon as this ends."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    resource_tracker.ensure_running()  # starting later, it would end the holding back
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
