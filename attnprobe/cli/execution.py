"""Arguments that say by whom a split is probed, and in which portions."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from attnprobe.base.errors import InputError
from attnprobe.cli.options import positive, positive_number
from attnprobe.execution.time_limit import DOCUMENT_SECONDS

if TYPE_CHECKING:
    from attnprobe.execution.job_share import Share
    from attnprobe.execution.settings import ExecutionSettings

FROM_ENVIRONMENT = "env"
"""What ``--shard`` is where torchrun or Slurm says which of several jobs this is."""

_NUMBERED = (("RANK", "WORLD_SIZE", 0), ("SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT", None))
"""Variables that number jobs, that count them, and the first number; None where another variable says it."""


def add_execution_arguments(parser: argparse.ArgumentParser, *, shared: bool = False) -> None:
    """Declare them; ``shared`` where several jobs can share the work."""
    group = parser.add_argument_group("who probes (no result depends on it)")
    group.add_argument("--workers", type=positive, metavar="N", help="processes, one thread each (as many as cores)")
    group.add_argument(
        "--executor", choices=("in-process", "pool", "ray"), help="default: a pool of processes, if several"
    )
    group.add_argument("--address", metavar="HOST:PORT", help="of a running Ray cluster (one is started here)")
    group.add_argument("--gpus-per-worker", type=float, default=0.0, metavar="X", help="of Ray workers (0)")
    group.add_argument(
        "--shard-windows", type=positive, default=1, metavar="N", help="windows of at most 2,048 documents a shard (1)"
    )
    group.add_argument(
        "--document-timeout",
        type=positive_number,
        default=DOCUMENT_SECONDS,
        metavar="SECONDS",
        help=f"a batch of documents that takes longer is divided, a document left out ({DOCUMENT_SECONDS:.0f})",
    )
    if shared:
        group.add_argument(
            "--shard",
            metavar="I/N",
            help=f"only the shards of the I-th of N jobs; {FROM_ENVIRONMENT}: as torchrun or Slurm says",
        )


def execution_from(arguments: argparse.Namespace) -> ExecutionSettings:
    """The settings that the arguments stand for.

    Raises:
        InputError: the share is none.
    """
    from attnprobe.execution.settings import ExecutionSettings

    share = getattr(arguments, "shard", None)
    return ExecutionSettings(
        executor=arguments.executor,
        workers=arguments.workers,
        windows=arguments.shard_windows,
        share=None if share is None else _share(share),
        address=arguments.address,
        gpus_per_worker=arguments.gpus_per_worker,
        document_seconds=arguments.document_timeout,
    )


def _share(text: str) -> Share:
    from attnprobe.execution.job_share import Share, parse_share

    if text != FROM_ENVIRONMENT:
        return parse_share(text)
    for number, count, first in _NUMBERED:
        if number in os.environ and count in os.environ:
            start = int(os.environ["SLURM_ARRAY_TASK_MIN"]) if first is None else first
            return Share(int(os.environ[number]) - start + 1, int(os.environ[count]))
    raise InputError(
        f"--shard {FROM_ENVIRONMENT}: neither torchrun (RANK, WORLD_SIZE) nor a Slurm array "
        "(SLURM_ARRAY_TASK_ID, SLURM_ARRAY_TASK_COUNT) has numbered this job."
    )
