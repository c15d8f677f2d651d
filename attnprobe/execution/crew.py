"""Workers outside this process: they open the work first, get a piece at a time, and are replaced when they die."""

from __future__ import annotations

import pickle
from abc import abstractmethod
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

from attnprobe.base.errors import FailedError, InputError
from attnprobe.execution.attempts import Attempt, attempt, ends_the_run, portable, reason
from attnprobe.execution.one_thread import keep_to_one_thread
from attnprobe.execution.time_limit import ending_the_worker
from attnprobe.execution.work import Executor, Outcome, Say, Work

OPENINGS = 3
"""In a row that may fail before a worker is given up; before the run is, where no worker has ever been ready."""


class Opened(NamedTuple):
    """A worker has opened the work, or has not: why, in a few words."""

    failure: str | None = None


class Died(NamedTuple):
    """A worker is no more."""

    reason: str


Report = Opened | Attempt | Died | InputError | OSError
"""What is heard of a worker: the errors are those that end the run."""


class Crew(Executor):
    """An executor whose workers are told apart by numbers; how they are started and heard is for subclasses to say.

    No more workers are started than there are pieces to do. A worker has no piece before it has opened the work, so
    that one that cannot does not take a piece with it, and one that waits for room on a cluster holds nothing up.

    Args:
        workers: how many, at most.
        step_seconds: after which a worker is killed that is still at the same step of a piece; None for no limit.
    """

    def __init__(self, workers: int, step_seconds: float | None = None) -> None:
        self.workers = workers
        self.step_seconds = step_seconds
        self._say: Say = lambda line: None
        self._waiting: deque[Any] = deque()
        self._outcomes: deque[Outcome[Any]] = deque()
        self._opening: set[int] = set()
        self._idle: set[int] = set()
        self._busy: dict[int, Any] = {}
        self._failed_openings: dict[int, int] = {}
        self._any_ready = False

    def start(self, work: Work[Any], say: Say) -> None:
        """Be ready to have workers open ``work``."""
        self.close()
        self._say = say
        self._any_ready = False
        self._begin(pickle.dumps(work))

    def submit(self, piece: Any) -> None:  # noqa: ANN401
        """Give the piece to the first worker that is free."""
        self._waiting.append(piece)
        self._hand_out()

    def next(self) -> Outcome[Any]:
        """Wait for a worker to be done with a piece, or to fail with it, or to die of it."""
        while not self._outcomes:
            for worker, report in self._listen():
                self._heed(worker, report)
            self._hand_out()
        return self._outcomes.popleft()

    def close(self) -> None:
        """Stop the workers, whatever they are doing."""
        self._stop()
        for group in (self._waiting, self._outcomes, self._opening, self._idle, self._busy, self._failed_openings):
            group.clear()

    @abstractmethod
    def _begin(self, work: bytes) -> None:
        """Make ready for workers that open this pickled work."""

    @abstractmethod
    def _launch(self, worker: int) -> None:
        """Start a worker, which opens the work and reports ``Opened``."""

    @abstractmethod
    def _give(self, worker: int, piece: Any) -> None:  # noqa: ANN401
        """Have a worker do a piece; it reports an ``Attempt``."""

    @abstractmethod
    def _listen(self) -> Sequence[tuple[int, Report]]:
        """Wait for reports of workers. One that reports ``Died`` is gone, and may be launched again."""

    @abstractmethod
    def _dismiss(self, worker: int) -> None:
        """Stop one worker."""

    @abstractmethod
    def _stop(self) -> None:
        """Stop all workers, if there are any."""

    def _hand_out(self) -> None:
        while self._waiting and self._idle:
            worker = min(self._idle)
            self._idle.remove(worker)
            self._busy[worker] = self._waiting.popleft()
            self._give(worker, self._busy[worker])
        missing = len(self._waiting) - len(self._opening)
        for worker in self._absent()[: max(0, missing)]:
            self._opening.add(worker)
            self._launch(worker)

    def _absent(self) -> list[int]:
        """Workers that can be started."""
        there = self._opening | self._idle | set(self._busy)
        given_up = {worker for worker, failed in self._failed_openings.items() if failed >= OPENINGS}
        return sorted(set(range(self.workers)) - there - given_up)

    def _heed(self, worker: int, report: Report) -> None:
        if isinstance(report, InputError | OSError):
            raise report
        if isinstance(report, Attempt):
            piece = self._busy.pop(worker)
            self._outcomes.append(Outcome(piece, report.failure, report.seconds, report.cpu_seconds, worker))
            if report.spent:
                self._dismiss(worker)
            else:
                self._idle.add(worker)
        elif worker in self._opening:
            self._heed_opening(worker, report)
        else:  # it died; if it had no piece, nobody need know
            self._idle.discard(worker)
            if worker in self._busy:
                self._outcomes.append(Outcome(self._busy.pop(worker), _cause_of(report), 0.0, 0.0, worker))

    def _heed_opening(self, worker: int, report: Opened | Died) -> None:
        cause = _cause_of(report)
        self._opening.remove(worker)
        if cause is None:
            self._any_ready = True
            self._failed_openings.pop(worker, None)
            self._idle.add(worker)
            return
        if isinstance(report, Opened):
            self._dismiss(worker)
        self._failed_openings[worker] = self._failed_openings.get(worker, 0) + 1
        left = len(self._opening) + len(self._idle) + len(self._busy) + len(self._absent())
        if not left or (not self._any_ready and sum(self._failed_openings.values()) >= OPENINGS):
            raise FailedError(f"No worker can be made ready for the work: {cause}.")
        again = "again" if self._failed_openings[worker] < OPENINGS else f"going on with {left} of {self.workers}"
        self._say(f"Worker {worker + 1} could not be made ready: {cause}; {again}.")


def _cause_of(report: Opened | Died) -> str | None:
    return report.reason if isinstance(report, Died) else report.failure


class Worker:
    """What a worker does, in its own process. Nothing is raised: what goes wrong is in the reports."""

    def __init__(self, step_seconds: float | None = None) -> None:
        self._do: Any = None
        self._step_seconds = step_seconds

    def open(self, work: bytes) -> Report:
        """Open a pickled work, which is this worker's from now on."""
        try:
            keep_to_one_thread()
            self._do = pickle.loads(work).open()
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            return portable(error) if ends_the_run(error) else Opened(reason(error))
        return Opened()

    def do(self, piece: Any) -> Report:  # noqa: ANN401
        """Do a piece of it."""
        try:
            return attempt(self._do, piece, ending_the_worker(self._step_seconds))
        except (InputError, OSError) as error:
            return portable(error)
