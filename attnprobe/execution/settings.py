"""How a split is probed: by whom, in which portions. None of it changes a result."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from attnprobe.base.own_files import FILE, kind_of, open_own
from attnprobe.execution.executors import EXECUTORS, IN_PROCESS, POOL, RAY, make_executor
from attnprobe.execution.job_share import Share
from attnprobe.execution.scheduling import carry_out
from attnprobe.execution.time_limit import DOCUMENT_SECONDS
from attnprobe.execution.work import Done, Executor, P, Say, Work
from attnprobe.settings.declaration import Settings, setting
from attnprobe.settings.unfit import Named, SettingError

LONGEST_NAME = 200
"""Characters of a piece's name that are read from a file."""

WINDOWS_A_WORKER = 2
"""Fewer windows a worker are done sooner than another worker has loaded the model."""


@dataclass(frozen=True)
class ExecutionSettings(Settings, section="execution"):
    """How a split is probed.

    Attributes:
        share: the shards that this job takes, where several jobs share them.

    Raises:
        SettingError: settings that do not fit one another.
    """

    workers: int | None = setting(None, help="processes, one thread each", shown="as many as there are cores")
    executor: str | None = setting(None, choices=EXECUTORS, help="who works", shown="a pool of processes, if several")
    address: str | None = setting(
        None, metavar="HOST:PORT", help="of a running Ray cluster", shown="one is started on this machine"
    )
    gpus_per_worker: float = setting(0.0, at_least=0, help="of Ray workers")
    windows: int = setting(1, flag="--shard-windows", help="windows of at most 2,048 documents a shard")
    document_seconds: float = setting(
        DOCUMENT_SECONDS,
        above=0,
        flag="--document-timeout",
        metavar="SECONDS",
        help="a batch of documents that takes longer is divided, and a document left out",
    )
    share: Share | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("address", "gpus_per_worker"):
            if getattr(self, name) and self.executor != RAY:
                raise SettingError(self.section, "{} is for {} {} only.", Named(name), Named("executor"), RAY)
        if self.executor == IN_PROCESS and self.workers not in (None, 1):
            sentence = "{} {}: there is but one in process; take {} {}."
            raise SettingError(self.section, sentence, Named("workers"), self.workers, Named("executor"), POOL)

    def worker_count(self, windows: int, device: str) -> int:
        """How many workers a split of so many windows gets on a device."""
        if self.workers is not None:
            return self.workers
        if device != "cpu" or self.executor == IN_PROCESS:
            return 1
        return max(1, min(cores(), windows // WINDOWS_A_WORKER))

    def carry_out(
        self,
        work: Work[P],
        pieces: Sequence[P],
        windows: int,
        device: str,
        say: Say,
        under_way: Path,
        note: Callable[[Done[P]], None] = lambda done: None,
    ) -> dict[P, str]:
        """Do every piece that is not done yet; see :func:`attnprobe.execution.scheduling.carry_out`.

        Args:
            work: what is to be done.
            pieces: its pieces.
            windows: how many windows of documents they are of.
            device: where to compute.
            say: told what fails.
            under_way: a file that outlives this process where it dies of a piece: the next start does the work in a
                child process, which can be replaced.
            note: told of every piece that a worker has finished.

        Raises:
            InputError: the executor cannot be had like this, or a failure is no piece's fault.
            OSError: a failure that is no piece's fault.
        """
        if kind_of(under_way) == FILE:
            with open(open_own(under_way, os.O_RDONLY), encoding="utf-8", errors="replace") as file:
                what = file.read(LONGEST_NAME)
            say(f"The last start ended in the midst of {what or 'its work'}: this one works in other processes.")
        lost = carry_out(work, pieces, self._executor(windows, device, under_way), say, note)
        under_way.unlink(missing_ok=True)
        return lost

    def _executor(self, windows: int, device: str, under_way: Path) -> Executor:
        workers = self.worker_count(windows, device)
        name = self.executor or (POOL if workers > 1 else IN_PROCESS)
        return make_executor(name, workers, self.address, self.gpus_per_worker, self.document_seconds, under_way)


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
