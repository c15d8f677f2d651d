"""Training in several processes, which torchrun starts and numbers: each rank takes its share of every batch.

Gradients are those of whole batches, so that the ranks together do what one process does, up to rounding and dropout's
draws. The first rank alone speaks and writes; all ranks must see the run's folder.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

import torch
import torch.distributed as dist
from torch import nn

from attnprobe.base.errors import FailedError, InputError
from attnprobe.base.stopping import StoppedError

if TYPE_CHECKING:
    from attnprobe.data.batches import IntArray

T = TypeVar("T")
M = TypeVar("M")

PATIENCE = timedelta(days=2)
"""How long ranks wait for each other, as where the first tokenises a large dataset; a dead one is noticed at once."""


@dataclass(frozen=True)
class Ranks:
    """This process among those that train together.

    Attributes:
        rank: its number.
        world: how many there are.
    """

    rank: int = 0
    world: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the one that speaks and writes."""
        return self.rank == 0

    def share(self, rows: IntArray) -> tuple[IntArray, float]:
        """This rank's rows of a batch, and what their mean loss is to be multiplied with.

        A batch with fewer documents than there are ranks is taken whole by all. With these weights the mean over ranks
        of the gradients, which is what DistributedDataParallel makes, is the gradient of the whole batch's mean loss.

        Args:
            rows: of the batch (documents,).
        """
        if len(rows) < self.world:
            return rows, 1.0
        own = rows[self.rank :: self.world]
        return own, len(own) * self.world / len(rows)

    def some(self, things: list[T]) -> list[T]:
        """This rank's part of what is dealt out among all."""
        return things[self.rank :: self.world]

    def total(self, number: float) -> float:
        """The sum of all ranks' numbers; they wait for each other here."""
        if self.world == 1:
            return number
        sum_ = torch.tensor(number, dtype=torch.float64)
        dist.all_reduce(sum_)
        return float(sum_)

    @contextmanager
    def first_goes_first(self) -> Iterator[None]:
        """The first rank goes through the body, then all others do."""
        if not self.first:
            self.total(0)
        yield
        if self.first:
            self.total(0)

    def together(self, model: M) -> M:
        """The model as one whose gradients are the mean over the ranks, its weights being those of the first rank's."""
        if self.world == 1:
            return model
        assert isinstance(model, nn.Module)
        sparse = any(isinstance(module, nn.Embedding) and module.sparse for module in model.modules())
        on_cuda = next(model.parameters()).is_cuda
        # NCCL is the faster one on GPUs, but cannot add up sparse gradients; Gloo can.
        group = dist.new_group(backend="nccl", timeout=PATIENCE) if on_cuda and not sparse else None
        # Some models of transformers have weights that a classifier does not use.
        return nn.parallel.DistributedDataParallel(  # type: ignore[return-value]
            model, process_group=group, find_unused_parameters=True
        )


ALONE = Ranks()
"""The only process."""


def started_by_torchrun() -> bool:
    """Whether this is one of several processes that train together."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1 and "RANK" in os.environ and "MASTER_ADDR" in os.environ


def the_only_rank() -> Ranks:
    """This process, which works alone.

    Raises:
        InputError: it is the first of several.
        SystemExit: it is another one of several, of whom the first speaks.
    """
    if not started_by_torchrun():
        return ALONE
    if int(os.environ["RANK"]):
        raise SystemExit(2)
    raise InputError("Only attnprobe train can be done by several processes; start this command without torchrun.")


@contextmanager
def joined_ranks(device: str) -> Iterator[Ranks]:
    """This process among those that torchrun has started; alone where it has not.

    What happens to another rank is said once, by the first that is left, or by torchrun.

    Args:
        device: what the user asked for, ``auto``, ``cpu`` or ``cuda``; each rank of a machine gets a GPU of its own.

    Raises:
        InputError: there are fewer GPUs than ranks, or the ranks do not meet, or another one has stopped.
    """
    if not started_by_torchrun():
        yield ALONE
        return
    if device != "cpu" and torch.cuda.is_available():
        _take_gpu(int(os.environ.get("LOCAL_RANK", "0")))
    try:
        dist.init_process_group("gloo", timeout=PATIENCE)
    except (RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"The ranks cannot meet at {os.environ['MASTER_ADDR']}: {reason}") from None
    ranks = Ranks(dist.get_rank(), dist.get_world_size())
    try:
        yield ranks
    except KeyboardInterrupt as stop:
        if ranks.first:
            raise
        raise SystemExit(stop.status if isinstance(stop, StoppedError) else 130) from None
    except RuntimeError as error:
        if not _another_has_stopped(error):
            raise
        if ranks.first:
            raise FailedError(
                "Another rank has stopped; the same command goes on after the last finished epoch."
            ) from None
        raise SystemExit(1) from None
    dist.destroy_process_group()


def _take_gpu(local_rank: int) -> None:
    there = torch.cuda.device_count()
    if local_rank >= there:
        raise InputError(f"There are {there} CUDA devices here, too few for rank {local_rank}; start fewer processes.")
    torch.cuda.set_device(local_rank)


def _another_has_stopped(error: RuntimeError) -> bool:
    return isinstance(error, dist.DistError) or "gloo/transport" in str(error)
