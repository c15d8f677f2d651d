"""Work spread over processes that start fast and stop quietly."""

from __future__ import annotations

import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context, resource_tracker
from types import ModuleType
from typing import Generic, TypeVar

from attnprobe.base.errors import FailedError

T = TypeVar("T")
R = TypeVar("R")

MOST_WORKERS = 8
CHUNKS_AHEAD = 3  # per worker: no worker waits, and only so much is pickled at a time
MOST_DEATHS = 3  # without a chunk being finished between them


def worker_count() -> int:
    """How many processes are worth starting on this machine."""
    return min(os.cpu_count() or 1, MOST_WORKERS)


def map_in_processes(function: Callable[[T], R], chunks: Iterable[T], workers: int) -> Generator[R, None, None]:
    """``function`` of each chunk, in the order of the chunks, computed by ``workers`` processes.

    ``function`` belongs to a module that imports little. When interrupted, chunks not begun are dropped. What a process
    was at that was killed is done again.

    Raises:
        FailedError: processes are killed again and again.
    """
    pool = _Pool(function, workers)
    try:
        for chunk in chunks:
            pool.begin(chunk)
            if len(pool.begun) > CHUNKS_AHEAD * workers:
                yield pool.finish()
        while pool.begun:
            yield pool.finish()
    finally:
        pool.close()


class _Pool(Generic[T, R]):
    """Processes that are replaced where they are killed, and the chunks that they have begun, the oldest first."""

    def __init__(self, function: Callable[[T], R], workers: int) -> None:
        self._function = function
        self._workers = workers
        self._processes = self._started()
        self._deaths = 0
        self.begun: deque[tuple[T, Future[R]]] = deque()

    def begin(self, chunk: T) -> None:
        try:
            with _sheltered_start():
                future = self._processes.submit(self._function, chunk)
        except BrokenProcessPool as death:  # which finishing will see to
            future = Future()
            future.set_exception(death)
        self.begun.append((chunk, future))

    def finish(self) -> R:
        """The result of the oldest chunk."""
        while True:
            try:
                result = self.begun[0][1].result()
            except BrokenProcessPool as death:
                self._deaths += 1
                if self._deaths == MOST_DEATHS:
                    raise FailedError(
                        f"The processes that read texts were killed {MOST_DEATHS} times; is there enough memory?"
                    ) from death
                self._begin_again()
            else:
                self._deaths = 0
                self.begun.popleft()
                return result

    def close(self) -> None:
        self._processes.shutdown(cancel_futures=True)

    def _begin_again(self) -> None:
        self.close()
        self._processes = self._started()
        chunks = [chunk for chunk, _ in self.begun]
        self.begun.clear()
        for chunk in chunks:
            self.begin(chunk)

    def _started(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(self._workers, mp_context=get_context("spawn"), initializer=_start_worker)


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
