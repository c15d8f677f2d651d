"""Pieces on the machines of a Ray cluster: Ray Core actors, one thread each, that keep the work open.

Ray only starts workers, finds room for them and carries pieces to them. Results are files, in a folder that all
machines see under the same path; attnprobe has to be installed on each of them.
"""

from __future__ import annotations

import atexit
import logging
import os
import re
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import Any

from attnprobe.base.errors import InputError
from attnprobe.base.stopping import StoppedError
from attnprobe.execution.crew import Crew, Died, Report, Worker
from attnprobe.execution.ray_address import SECONDS_TO_ANSWER, SECONDS_TO_JOIN, NoRayError, in_time, require_ray
from attnprobe.execution.time_limit import in_words
from attnprobe.settings.unfit import Named, SettingError

SECONDS_WITHOUT_ROOM = 600.0
"""That a cluster may take to find room for a first worker: one that grows on demand has to start a machine."""

SECONDS_TO_LEAVE = 10.0
"""That a cluster may take to let its driver go."""

OBJECT_STORE_BYTES = 100_000_000
"""Of a cluster of our own: only pieces and reports go through it."""


class Actor(Worker):
    """A worker as Ray starts it."""

    def arrive(self) -> None:
        """Answer, which needs room on a machine, and nothing else."""


class RayActors(Crew):
    """Actors that die with their piece and are replaced by hand, on a cluster that is there or one for this run alone.

    Args:
        workers: how many, at most; fewer are at work as long as the cluster has no room for more.
        address: of the cluster, as Ray understands it; by default that in ``RAY_ADDRESS``, otherwise one is started on
            this machine, with one CPU for each worker.
        gpus_per_worker: a fraction where several workers share one.
        step_seconds: after which a worker is killed that is still at the same step of a piece; None for no limit.

    Raises:
        SettingError: Ray is not installed.
    """

    def __init__(
        self,
        workers: int,
        address: str | None = None,
        gpus_per_worker: float = 0,
        step_seconds: float | None = None,
    ) -> None:
        super().__init__(workers, step_seconds)
        self.address = address or os.environ.get("RAY_ADDRESS") or "local"
        self.gpus_per_worker = gpus_per_worker
        self._ray = _import_ray()
        self._actor_class: Any = None
        self._work = b""
        self._connected = False
        self._actors: dict[int, Any] = {}
        self._calls: dict[Any, int] = {}
        self._arriving: dict[Any, int] = {}
        self._arrived: set[int] = set()
        self._given: dict[Any, float] = {}
        self._without_room_since = 0.0

    def _begin(self, work: bytes) -> None:
        self._work = work
        if not self._ray.is_initialized():
            self._connect()
        # With restarts an actor would come back without having opened the work.
        options = {"num_cpus": 1, "num_gpus": self.gpus_per_worker, "max_restarts": 0, "max_task_retries": 0}
        self._actor_class = self._ray.remote(Actor).options(**options)
        self._without_room_since = monotonic()

    def _connect(self) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # a cluster of our own reports to nobody
        try:
            if self.address == "local":
                with _own_termination():
                    self._init(include_dashboard=False, num_cpus=self.workers, object_store_memory=OBJECT_STORE_BYTES)
            else:
                # In another thread, too: looking a name up hears no Ctrl-C.
                if not in_time(lambda: require_ray(self.address), SECONDS_TO_ANSWER + 1):
                    raise NoRayError("it could not be reached in time")
                self._join()
        except Exception as error:  # a node that does not start in time is a plain one
            first = (str(error).splitlines() or [""])[0].rstrip(".")
            # Ray does not say that it was refused, and of itself takes a token to no address that it was given.
            token = "; one that wants a token wants RAY_AUTH_MODE=token here, too" if self.address != "local" else ""
            raise InputError(f"There is no Ray cluster to be had at {self.address!r}: {first}{token}.") from error
        self._connected = True
        # Ray would print a paragraph for each worker that dies, on standard output.
        self._ray._private.worker._worker_logs_enabled = False
        gpus = self._ray.cluster_resources().get("GPU", 0)
        if self.address == "local" and gpus < self.gpus_per_worker:
            sentence = "{} {:g}: Ray finds {:g} on this machine."
            raise SettingError("execution", sentence, Named("gpus_per_worker"), self.gpus_per_worker, gpus)

    def _init(self, **options: Any) -> None:  # noqa: ANN401
        self._ray.init(address=self.address, log_to_driver=False, logging_level=logging.ERROR, **options)

    def _join(self) -> None:
        """Become a driver of a cluster that is there; where it takes its time, or Ctrl-C comes, that is given up."""
        joined = False
        try:
            joined = in_time(self._init)
        finally:
            if not joined:  # at the end of this process Ray would wait for the attempt to come to its own end
                atexit.unregister(self._ray.shutdown)
        if not joined:
            raise NoRayError(f"it could not be joined in {SECONDS_TO_JOIN:.0f} s")

    def _launch(self, worker: int) -> None:
        actor = self._actors[worker] = self._actor_class.remote(self.step_seconds)
        self._arriving[actor.arrive.remote()] = worker
        self._calls[actor.open.remote(self._work)] = worker

    def _give(self, worker: int, piece: Any) -> None:  # noqa: ANN401
        call = self._actors[worker].do.remote(piece)
        self._calls[call], self._given[call] = worker, monotonic()

    def _listen(self) -> Sequence[tuple[int, Report]]:
        awaited = [*self._arriving, *self._calls]
        ready, _ = self._ray.wait(awaited, num_returns=len(awaited), timeout=0)
        if not ready:
            ready, _ = self._ray.wait(awaited, num_returns=1, timeout=1.0)
        for arrival in self._arriving.keys() & set(ready):
            self._arrived.add(self._arriving.pop(arrival))
        self._check_room()
        return [(self._calls[call], self._hear(call)) for call in ready if call in self._calls]

    def _hear(self, call: Any) -> Report:  # noqa: ANN401
        worker = self._calls.pop(call)
        seconds = monotonic() - self._given.pop(call, monotonic())
        try:
            report: Report = self._ray.get(call)
        except self._ray.exceptions.RayError as error:
            self._dismiss(worker)
            # Of a worker that a signal has killed Ray does not say which; a document by itself has two steps, the
            # first of them no work at all.
            if self.step_seconds is not None and seconds >= self.step_seconds:
                return Died(in_words(self.step_seconds))
            return Died(_cause_of_death(error))
        return report

    def _check_room(self) -> None:
        if self._arrived:
            self._without_room_since = monotonic()
        elif monotonic() - self._without_room_since > SECONDS_WITHOUT_ROOM:
            gpus = f" and {self.gpus_per_worker:g} GPUs" if self.gpus_per_worker else ""
            minutes = SECONDS_WITHOUT_ROOM / 60
            raise InputError(f"For {minutes:.0f} minutes the Ray cluster has had no room for a worker (1 CPU{gpus}).")

    def _dismiss(self, worker: int) -> None:
        self._ray.kill(self._actors.pop(worker), no_restart=True)
        self._arrived.discard(worker)
        for calls in (self._calls, self._arriving):
            for call in [call for call, of in calls.items() if of == worker]:
                del calls[call]
                self._given.pop(call, None)

    def _stop(self) -> None:
        # Ray waits long for a cluster that is dying; its machines end the workers of a driver that has gone.
        if (self._actors or self._connected) and not in_time(self._leave, SECONDS_TO_LEAVE):
            atexit.unregister(self._ray.shutdown)
        self._connected = False
        self._ray._private.worker._worker_logs_enabled = True

    def _leave(self) -> None:
        for worker in list(self._actors):
            self._dismiss(worker)
        if self._connected:
            self._ray.shutdown()


def _cause_of_death(error: Exception) -> str:
    text = str(error)
    if type(error).__name__ == "OutOfMemoryError" or "running low on memory" in text:
        return "the worker died (its machine ran out of memory)"
    if "node has died" in text or "node was terminated" in text:
        return "the worker died (its machine was lost)"
    errors = _ERROR.findall(text)  # such as that of a machine without attnprobe
    return f"the worker died ({errors[-1]})" if errors else "the worker died"


_ERROR = re.compile(r"^\w+(?:Error|Exception): .+$", re.MULTILINE)


def _import_ray() -> Any:  # noqa: ANN401
    try:
        import ray
    except ImportError:
        sentence = "{} ray needs ray: pip install 'attnprobe[ray]'."
        raise SettingError("execution", sentence, Named("executor")) from None
    return ray


@contextmanager
def _own_termination() -> Iterator[None]:
    """Ray sets a handler of its own for SIGTERM, which exits; afterwards it is again the one before.

    Raises:
        StoppedError: a SIGTERM came meanwhile.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    except SystemExit:
        raise StoppedError(signal.SIGTERM) from None
    finally:
        signal.signal(signal.SIGTERM, before)
