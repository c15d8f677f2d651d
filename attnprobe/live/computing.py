"""One thread that computes, and a bounded queue in front of it: what waits too long is not computed any more."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

MOST_WAITING = 32
"""Requests in the queue: another one is told to come again."""


class GivenUpError(BaseException):
    """Nobody waits for what is being computed any more.

    No ``Exception``, so that nothing which tries what a model's code bears takes it for an answer.
    """


@dataclass
class Job:
    """Something to compute.

    Attributes:
        work: computes it.
        until: the time of the monotonic clock after which nobody waits for it.
        answer: what comes of it.
        given_up: set when nobody waits for it any more.
    """

    work: Callable[[], Any]
    until: float
    answer: Future[Any] = field(default_factory=Future)
    given_up: threading.Event = field(default_factory=threading.Event)

    @property
    def is_over(self) -> bool:
        """Whether nobody waits for it any more."""
        return self.given_up.is_set() or time.monotonic() >= self.until


class Worker:
    """Computes one job after another in a thread of its own.

    A job that was given up while it waited is never begun. One that was given up while it is computed ends where it
    next asks :meth:`check`; whatever comes behind it waits until then.
    """

    def __init__(self, waiting: int = MOST_WAITING) -> None:
        self._queue: queue.Queue[Job | None] = queue.Queue(waiting)
        self._current: Job | None = None
        self._seconds = 0.1
        self._thread = threading.Thread(target=self._run, name="attnprobe-live", daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[], Any], seconds: float) -> Job | None:
        """Have something computed within so many seconds; None where the queue is full."""
        job = Job(work, time.monotonic() + seconds)
        try:
            self._queue.put_nowait(job)
        except queue.Full:
            return None
        return job

    @property
    def seconds_till_free(self) -> int:
        """About how many seconds from now there is room in the queue again, one at least."""
        return max(1, round(self._seconds * self._queue.qsize()))

    def check(self) -> None:
        """See that somebody waits for what is being computed; asked in the thread that computes, elsewhere in vain.

        Raises:
            GivenUpError: nobody does.
        """
        job = self._current
        if job is not None and threading.current_thread() is self._thread and job.is_over:
            raise GivenUpError

    def close(self) -> None:
        """Compute nothing any more."""
        if self._current is not None:
            self._current.given_up.set()
        while True:
            try:
                job = self._queue.get_nowait()
            except queue.Empty:
                break
            if job is not None:
                job.given_up.set()
        self._queue.put(None)

    def _run(self) -> None:
        while (job := self._queue.get()) is not None:
            if job.is_over:
                job.answer.cancel()
                continue
            started, self._current = time.monotonic(), job
            try:
                answer = job.work()
            except GivenUpError:
                job.answer.cancel()
            except BaseException as error:  # whatever it is, panics of libraries too: the thread goes on
                known = error if isinstance(error, Exception) else RuntimeError(f"{type(error).__name__}: {error}")
                job.answer.set_exception(known)
            else:
                job.answer.set_result(answer)
            finally:
                self._current = None
                self._seconds = 0.8 * self._seconds + 0.2 * (time.monotonic() - started)
