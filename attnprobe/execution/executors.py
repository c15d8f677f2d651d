"""Executors by name."""

from __future__ import annotations

from pathlib import Path

from attnprobe.base.own_files import FILE, kind_of
from attnprobe.execution.in_process import InProcess
from attnprobe.execution.process_pool import ProcessPool
from attnprobe.execution.ray_actors import RayActors
from attnprobe.execution.work import Executor

IN_PROCESS, POOL, RAY = EXECUTORS = ("in-process", "pool", "ray")
"""Their names."""


def make_executor(
    name: str,
    workers: int = 1,
    address: str | None = None,
    gpus_per_worker: float = 0,
    step_seconds: float | None = None,
    under_way: Path | None = None,
) -> Executor:
    """An executor by its name.

    Args:
        name: one of ``EXECUTORS``.
        workers: how many; 1 in process.
        address: of a Ray cluster; None for one on this machine, which ends with the run.
        gpus_per_worker: of Ray's workers; a fraction where several share one.
        step_seconds: that a step of a piece may take; None for no limit.
        under_way: a file that says, in process, what is being done. Where it is there, its writer has died of that,
            and the work is done in a child process instead.
    """
    if name == RAY:
        return RayActors(workers, address, gpus_per_worker, step_seconds)
    if name == POOL:
        return ProcessPool(workers, step_seconds)
    if under_way is not None and kind_of(under_way) == FILE:
        return ProcessPool(1, step_seconds)
    return InProcess(step_seconds, under_way)
