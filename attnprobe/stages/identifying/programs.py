"""Linear programs on one document: what every head's weights, and erasing them, could be at the same output."""

from __future__ import annotations

from collections.abc import Iterable
from time import process_time
from typing import Any

import torch
from torch import Tensor, nn

from attnprobe.engines.head_readings import HeadReadings
from attnprobe.erasure.orderings import rank_at_random, rank_by_attention
from attnprobe.identifiability import ErasureOutcomes, SolverError, same_head_output
from attnprobe.stages.identifying.erasure_reach import erasure_reach
from attnprobe.stages.identifying.weight_reach import COLUMNS, weight_reach

Entry = dict[str, Any]
"""Numbers and lists of numbers of one head of one document; ``failed`` alone where a program was not solved."""


def document_entries(
    readings: Iterable[HeadReadings], document: int, seed: Tensor, readout: nn.Linear | None
) -> list[Entry]:
    """Entries of all heads of one document, in the order of the readings.

    A row on which a program fails is an entry with ``failed`` True and nothing else: one such row costs no other.

    Args:
        readings: of the document's batch.
        document: its number in the batch.
        seed: for its random ordering.
        readout: the affine rest of the model behind its one attention; then entries hold what erasing can do.
    """
    return [
        _entry(reading, document, head, seed, readout) for reading in readings for head in range(len(reading.heads))
    ]


def _entry(reading: HeadReadings, document: int, head: int, seed: Tensor, readout: nn.Linear | None) -> Entry:
    mask = reading.mask[document, head]
    weights = reading.weights[document, head][mask].cpu()
    values = reading.values[document, head][mask].double().cpu()
    started = process_time()
    try:
        alternatives = same_head_output(weights, values)
        reach = weight_reach(alternatives, values.numpy())
        entry = {name: getattr(reach, name) for name in COLUMNS} | {
            "position": torch.nonzero(mask)[:, 0].tolist(),
            "weight": alternatives.observed.tolist(),
            "low": reach.low.tolist(),
            "high": reach.high.tolist(),
            "maximum_entropy": reach.maximum_entropy.tolist(),
        }
        if readout is not None:
            affine = readout.weight.detach().cpu(), readout.bias.detach().cpu()
            outcomes = ErasureOutcomes(alternatives, values, affine)
            entry["erasures"] = erasure_reach(outcomes, *_orders(weights, seed))._asdict()
    except (SolverError, ValueError):
        return {"failed": True}
    return entry | {"failed": False, "seconds": process_time() - started}


def _orders(weights: Tensor, seed: Tensor) -> Any:  # noqa: ANN401
    everything = torch.ones(1, len(weights), dtype=torch.bool)
    by_attention = rank_by_attention(weights[None], everything)[0]
    return by_attention.numpy(), rank_at_random(everything, 1, seed[None])[0, 0].numpy()
