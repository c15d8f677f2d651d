"""Processor time and width of the limits of AOPC, one thread.

python -m benchmarks.aopc_limits

Documents have softmax weights of normal scores and normal values. Milliseconds are of the processor, a document, all of
them in one call; widths are the largest of both limits over the documents. ``exact`` is the share of limits that are
known but for rounding.
"""

from __future__ import annotations

import torch
from torch import Tensor

from attnprobe import aopc_limits
from attnprobe.erasure.aopc_limits import Certainty
from benchmarks.measure import processor_seconds, report

DIM, SPREAD = 100, 1.5
CASES = (
    ("two_classes", "probability", 2, ((12, 256), (50, 64), (200, 32), (200, 1), (400, 8))),
    ("logit", "logit", 6, ((50, 64), (200, 32))),
    ("six_classes", "probability", 6, ((12, 256), (50, 32), (200, 8))),
)
"""Name, score, number of classes, and pairs of items and documents."""


def make_case(documents: int, items: int, classes: int) -> tuple[Tensor, Tensor, None, tuple[Tensor, Tensor]]:
    """Values, weights, no mask, and a readout whose logits of single items have a standard deviation of two."""
    generator = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    weights = torch.softmax(SPREAD * normal(documents, items), -1)
    readout = 2 * DIM**-0.5 * normal(classes, DIM), torch.zeros(classes, dtype=torch.float64)
    return normal(documents, items, DIM), weights, None, readout


def main() -> None:
    """Print a line for each number of items."""
    torch.set_num_threads(1)
    for name, score, classes, sizes in CASES:
        for items, documents in sizes:
            case = make_case(documents, items, classes)
            found = aopc_limits(*case, score)
            seconds = processor_seconds(lambda case=case, score=score: aopc_limits(*case, score), repetitions=3)
            known = [one is Certainty.EXACT for each in found.certainty() for one in each]
            report(
                f"aopc_limits_{name}_{items}_items_ms",
                1e3 * seconds / documents,
                documents=documents,
                exact=sum(known) / len(known),
                **{
                    f"{which}_width": f"{one(torch.stack([end[:, 1] - end[:, 0] for end in found])).item():.1e}"
                    for which, one in (("largest", torch.max), ("mean", torch.mean))
                },
            )


if __name__ == "__main__":
    main()
