"""How a split is probed: by whom, in which portions. None of it changes a result."""

from __future__ import annotations

import os
from dataclasses import dataclass

from attnprobe.execution.executors import make_executor
from attnprobe.execution.shards import Share
from attnprobe.execution.work import Executor

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
    """

    executor: str | None = None
    workers: int | None = None
    windows: int = 1
    share: Share | None = None
    address: str | None = None
    gpus_per_worker: float = 0.0

    def worker_count(self, windows: int, device: str) -> int:
        """How many workers a split of so many windows gets on a device."""
        if self.workers is not None:
            return self.workers
        if device != "cpu" or self.executor == "in-process":
            return 1
        return max(1, min(cores(), windows // WINDOWS_A_WORKER))

    def make(self, windows: int, device: str) -> Executor:
        """The executor for a split of so many windows on a device.

        Raises:
            InputError: it cannot be had like this.
        """
        workers = self.worker_count(windows, device)
        name = self.executor or ("pool" if workers > 1 else "in-process")
        return make_executor(name, workers, self.address, self.gpus_per_worker)


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
