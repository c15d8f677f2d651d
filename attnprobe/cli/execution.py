"""Arguments that say by whom a split is probed, and in which portions."""

from __future__ import annotations

import argparse
import os
import re
from typing import TYPE_CHECKING

from attnprobe.base.errors import InputError

if TYPE_CHECKING:
    from attnprobe.execution.job_share import Share
    from attnprobe.execution.settings import ExecutionSettings

FROM_ENVIRONMENT = "env"
"""What ``--shard`` is where torchrun or Slurm says which of several jobs this is."""

_NUMBERED = (("RANK", "WORLD_SIZE", 0), ("SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT", None))
"""Variables that number jobs, that count them, and the first number; None where another variable says it."""


def add_execution_arguments(parser: argparse.ArgumentParser, *, shared: bool = False) -> None:
    """Declare them; ``shared`` where several jobs can share the work."""
    from attnprobe.cli.flags import add_settings
    from attnprobe.execution.settings import ExecutionSettings

    group = parser.add_argument_group("who probes (no result depends on it)")
    add_settings(group, ExecutionSettings)
    if shared:
        group.add_argument(
            "--shard",
            metavar="I/N",
            help=f"only the shards of the I-th of N jobs; {FROM_ENVIRONMENT}: as torchrun or Slurm says",
        )


def execution_from(arguments: argparse.Namespace) -> ExecutionSettings:
    """The settings that the arguments stand for.

    Raises:
        InputError: a setting cannot be, or the share is none.
    """
    from attnprobe.cli.flags import given
    from attnprobe.execution.settings import ExecutionSettings
    from attnprobe.settings.doors import in_flags
    from attnprobe.settings.unfit import told_by

    share = getattr(arguments, "shard", None)
    with told_by(in_flags):
        return ExecutionSettings(**given(arguments, ExecutionSettings), share=None if share is None else _share(share))


def _share(text: str) -> Share:
    from attnprobe.execution.job_share import Share, parse_share

    if text != FROM_ENVIRONMENT:
        return parse_share(text)
    for number, count, first in _NUMBERED:
        if number in os.environ and count in os.environ:
            start = _number("SLURM_ARRAY_TASK_MIN") if first is None else first
            return Share(_number(number) - start + 1, _number(count))
    raise InputError(
        f"--shard {FROM_ENVIRONMENT}: neither torchrun (RANK, WORLD_SIZE) nor a Slurm array "
        "(SLURM_ARRAY_TASK_ID, SLURM_ARRAY_TASK_COUNT) has numbered this job."
    )


def _number(variable: str) -> int:
    text = os.environ.get(variable, "")
    if not re.fullmatch(r"\d{1,18}", text, re.ASCII):
        raise InputError(f"--shard {FROM_ENVIRONMENT}: the variable {variable} is {text!r}, and no whole number.")
    return int(text)
