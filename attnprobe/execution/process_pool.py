"""Pieces in several processes of this machine, one thread each."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing import Pipe, parent_process
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from time import monotonic
from types import FrameType
from typing import TYPE_CHECKING, Any, NamedTuple

from attnprobe.base.stopping import StoppedError, heed_again
from attnprobe.execution.crew import Crew, Died, Report, Worker
from attnprobe.execution.quiet_spawning import quiet_process, sheltered_start, signals_held_back
from attnprobe.execution.time_limit import in_words
from attnprobe.execution.work import Say, Work

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

SECONDS_TO_STOP = 1.0
"""That a worker has to take its temporary files away before it is killed."""

SECONDS_TO_END = 10.0
"""That a worker has whose connection is closed: by then it is known how it ended, however busy the machine."""


class _Station(NamedTuple):
    """A worker as its parent sees it."""

    process: BaseProcess
    connection: Connection[Any, Any]


class ProcessPool(Crew):
    """Processes that start without the caller's script, and end when this one does, in whatever way."""

    def __init__(self, workers: int, step_seconds: float | None = None) -> None:
        super().__init__(workers, step_seconds)
        self._work = b""
        self._module = __name__
        self._stations: dict[int, _Station] = {}

    def start(self, work: Work[Any], say: Say) -> None:
        """Be ready to have workers open ``work``."""
        self._module = type(work).__module__
        super().start(work, say)

    def _begin(self, work: bytes) -> None:
        self._work = work

    def _launch(self, worker: int) -> None:
        with sheltered_start():
            here, there = Pipe()
            process = quiet_process(serve, (there, self.step_seconds), f"attnprobe-worker-{worker}", self._module)
            process.start()
            there.close()
            self._stations[worker] = _Station(process, here)
        _send(here, self._work)

    def _give(self, worker: int, piece: Any) -> None:  # noqa: ANN401
        _send(self._stations[worker].connection, piece)

    def _listen(self) -> Sequence[tuple[int, Report]]:
        awaited: dict[Any, int] = {}
        for worker, station in self._stations.items():
            awaited |= {station.connection: worker, station.process.sentinel: worker}
        workers = {awaited[ready] for ready in wait(list(awaited))}
        return [(worker, self._hear(worker)) for worker in sorted(workers)]

    def _hear(self, worker: int) -> Report:
        process, connection = self._stations[worker]
        try:
            if connection.poll():  # what it said before it died counts
                report: Report = connection.recv()
                return report
        except (EOFError, OSError):
            pass
        process.join(SECONDS_TO_END)
        status = process.exitcode
        self._dismiss(worker)
        if status is None:
            return Died("the worker closed its connection")
        if self.step_seconds is not None and -status == getattr(signal, "SIGALRM", None):
            return Died(in_words(self.step_seconds))
        return Died(f"the worker died ({f'signal {-status}' if status < 0 else f'exit status {status}'})")

    def _dismiss(self, worker: int) -> None:
        process, connection = self._stations.pop(worker)
        with signals_held_back():
            process.kill()
            process.join()
            process.close()
            connection.close()

    def _stop(self) -> None:
        with signals_held_back():
            for process, _ in self._stations.values():
                process.terminate()
            deadline = monotonic() + SECONDS_TO_STOP
            for process, _ in self._stations.values():
                process.join(max(0.0, deadline - monotonic()))
            for worker in list(self._stations):
                self._dismiss(worker)


def _send(connection: Connection[Any, Any], content: Any) -> None:  # noqa: ANN401
    with suppress(OSError):  # it has died, which is heard of when it is listened to
        connection.send(content)


def serve(connection: Connection[Any, Any], step_seconds: float | None) -> None:
    """A worker's life: open the work that comes first, do the pieces that come then, report after each."""
    try:
        _leave_signals_to_parent()
        threading.Thread(target=_end_with_parent, daemon=True).start()
        worker = Worker(step_seconds)
        connection.send(worker.open(connection.recv()))
        while True:
            connection.send(worker.do(connection.recv()))
    except (EOFError, OSError):
        pass  # nobody is at the other end
    except KeyboardInterrupt:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTERM)


def _leave_signals_to_parent() -> None:
    """Ctrl-C reaches the parent, too, which sends SIGTERM; that ends the worker once temporary files are gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _stop_working)
    sys.unraisablehook = _stop_working_again
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})


def _stop_working(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise StoppedError(number)


def _stop_working_again(unraisable: UnraisableHookArgs) -> None:
    if isinstance(unraisable.exc_value, StoppedError):
        signal.signal(signal.SIGTERM, _stop_working)
    heed_again(sys.__unraisablehook__, unraisable)


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
