"""How a split is probed: by whom, in which portions. None of it changes a result."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from attnprobe.base.own_files import FILE, kind_of, open_own
from attnprobe.execution.executors import make_executor
from attnprobe.execution.job_share import Share
from attnprobe.execution.scheduling import carry_out
from attnprobe.execution.time_limit import DOCUMENT_SECONDS
from attnprobe.execution.work import Done, Executor, P, Say, Work

LONGEST_NAME = 200
"""Characters of a piece's name that are read from a file."""

WINDOWS_A_WORKER = 2
"""Fewer windows a worker are done sooner than another worker has loaded the model."""


@dataclass(frozen=True)
class ExecutionSettings:
    """How a split is probed.

    Attributes:
        executor: ``in-process``, ``pool`` (processes of this machine) or ``ray``; None for a pool where there are
            several workers.
        workers: how many at a time, one thread each; None for as many as there are cores and they are worth it.
        windows: of each shard.
        share: the shards that this job takes, where several jobs share them.
        address: of a Ray cluster; None starts one on this machine.
        gpus_per_worker: of a Ray worker.
        document_seconds: after which a batch of documents is divided that is not done, and a document left out.
    """

    executor: str | None = None
    workers: int | None = None
    windows: int = 1
    share: Share | None = None
    address: str | None = None
    gpus_per_worker: float = 0.0
    document_seconds: float = DOCUMENT_SECONDS

    def worker_count(self, windows: int, device: str) -> int:
        """How many workers a split of so many windows gets on a device."""
        if self.workers is not None:
            return self.workers
        if device != "cpu" or self.executor == "in-process":
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
        name = self.executor or ("pool" if workers > 1 else "in-process")
        return make_executor(name, workers, self.address, self.gpus_per_worker, self.document_seconds, under_way)


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
