"""Prefixes of many orderings, run in rounds: the shortest first, none behind a flip, and no set of items twice."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from attnprobe.engines.known_flips import KnownFlips


def first_flips_in_rounds(
    order: Tensor,
    documents: Tensor,
    sizes: Tensor,
    known: KnownFlips,
    at_once: int,
    erased: Callable[[Tensor, Tensor], Tensor],
) -> Tensor:
    """How many items are erased when each of several things first flips (rows, things), −1 for never.

    Args:
        order: what is erased first, second and so on (rows, items).
        documents: of a batch, whose orders these are (rows,).
        sizes: how many items the batch's documents have (batch,).
        known: of which sets it is known what flips.
        at_once: sets that are run together.
        erased: given rows (sets,) and how many of their first items are erased (sets,), says what flips then
            (sets, things).
    """
    numbers, sizes = known.of_prefixes(order, documents), sizes[documents]
    count = torch.full((len(documents), known.things), -1, device=order.device)
    rows, done = torch.arange(len(documents), device=order.device), 0
    while len(rows):
        # As many prefixes a row as fill one micro-batch: no more are run in vain than that.
        step = max(1, at_once // len(rows))
        lengths = done + 1 + torch.arange(step, device=order.device)
        row, length = rows.repeat_interleave(step), lengths.repeat(len(rows))
        within = length <= sizes[row]
        row, length = row[within], length[within]

        def erase(some: Tensor, row: Tensor = row, length: Tensor = length) -> Tensor:
            return erased(row[some], length[some])

        table = torch.zeros(len(within), known.things, dtype=torch.bool, device=order.device)
        table[within] = known.flips(numbers[row, length - 1], erase)
        table = table.view(len(rows), step, known.things)
        before = count[rows]
        count[rows] = torch.where((before < 0) & table.any(1), done + 1 + table.int().argmax(1), before)
        done += step
        rows = rows[(count[rows] < 0).any(-1) & (sizes[rows] > done)]
    return count
