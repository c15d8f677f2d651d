"""Several ways of erasing in one batch, run side by side: the model runs once on what all of them ask for.

A round of prefixes is then full of what is needed, where each way by itself would fill it with prefixes behind a flip.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from attnprobe.engines.items import Items
from attnprobe.engines.micro_batches import MicroBatches
from attnprobe.engines.protocol import Engine, SetErasures
from attnprobe.engines.replay import Replay


class SideBySideErasures(SetErasures):
    """A batch in which each document stands once for each way of erasing, or draw of what stands in.

    Args:
        engines: of the same batch, which decide alike; what is meant by erased is each one's own.

    Attributes:
        batch: how many documents the batch has.
        ways: how many ways and draws there are.
    """

    def __init__(self, engines: Sequence[Engine]) -> None:
        first = engines[0]
        self.meaning, self.at_once = first.meaning, first.at_once
        self.logits = first.logits.repeat(len(engines), 1)
        self.batch, self.ways = len(first.logits), len(engines)
        self._micro_batches = MicroBatches(first.at_once)

    def items_of(self, items: Items) -> Items:
        """The items of the batch's documents, once for each way."""
        ways = self.ways
        return Items(items.of_token.repeat(ways, 1), items.mask.repeat(ways, 1), items.sizes.repeat(ways))

    def documents_of(self, ways: Tensor) -> Tensor:
        """Where the batch's documents stand in it, of each of these ways (ways,): (ways, batch)."""
        return ways[:, None] * self.batch + torch.arange(self.batch, device=ways.device)


class WaysTogether(SideBySideErasures):
    """Ways of which the model is run again from one block on, the same for all.

    Args:
        engines: of the same batch, all of which begin at the same block and decide alike.
    """

    def __init__(self, engines: Sequence[Replay]) -> None:
        super().__init__(engines)
        self._engines = list(engines)
        self.at_once = engines[0].micro_batch
        self._micro_batches = MicroBatches(self.at_once)

    @torch.no_grad()
    def evaluate(self, documents: Tensor, erased: Tensor) -> Iterator[tuple[slice, Tensor]]:
        """See :meth:`SetErasures.evaluate`."""

        def compute(part: slice) -> Tensor:
            by_way = (documents[part] // self.batch).argsort(stable=True)
            logits = self._run(documents[part][by_way], erased[part][by_way])
            return torch.empty_like(logits).index_copy_(0, by_way, logits)

        yield from self._micro_batches.run(len(documents), compute)

    def _run(self, documents: Tensor, erased: Tensor) -> Tensor:
        """The logits (rows, classes) of documents (rows,) that are sorted by their way."""
        rows = documents % self.batch
        sizes = (documents // self.batch).bincount(minlength=len(self._engines)).tolist()
        parts = zip(self._engines, torch.split(rows, sizes), torch.split(erased, sizes), strict=True)
        return self._engines[0].side_by_side([part for part in parts if len(part[1])])
