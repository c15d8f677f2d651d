"""The erasure engine against plain step-by-step erasure loops on the same tensors, one thread.

python -m benchmarks.engine
"""

from __future__ import annotations

import statistics

import torch
from torch import Tensor, nn

import attnprobe
from benchmarks.measure import in_turn, median_ratio, report

DOCUMENTS, ITEMS, DIM, CLASSES, ORDERINGS = 64, 300, 100, 10, 7


def make_case(seed: int = 0) -> tuple[Tensor, Tensor, Tensor, Tensor, nn.Linear]:
    """Documents of about 300 items, unevenly attended, and the seven orderings of the released test of 2019.

    Those are attention, its reverse, and five at random.
    """
    torch.manual_seed(seed)
    sizes = torch.randint(ITEMS - 40, ITEMS + 41, (DOCUMENTS,))
    mask = torch.arange(int(sizes.max())) < sizes[:, None]
    topics = torch.randn(DOCUMENTS, 1, DIM)
    values = torch.tanh(topics * 0.6 + torch.randn(*mask.shape, DIM))
    scores = torch.randn(mask.shape) * 1.5
    weights = torch.softmax(scores.masked_fill(~mask, -torch.inf), -1)
    readout = nn.Linear(DIM, CLASSES)
    nn.init.xavier_uniform_(readout.weight)
    ranked = [attnprobe.rank_by_attention(weights, mask), attnprobe.rank_by_attention(-weights, mask)]
    random = attnprobe.rank_at_random(mask, ORDERINGS - len(ranked), torch.arange(DOCUMENTS))
    return values, weights, mask, torch.cat([torch.stack(ranked), random]), readout


@torch.no_grad()
def loop_by_document(values: Tensor, weights: Tensor, mask: Tensor, order: Tensor, readout: nn.Linear) -> Tensor:
    """Erase one more item, renormalise, pool, read the decision; stop at the flip. One document at a time."""
    count = torch.full(order.shape[:2], -1)
    for row in range(len(values)):
        size = int(mask[row].sum())
        document, original = values[row, :size], weights[row, :size]
        decision = readout(original @ document).argmax()
        for ordering in range(len(order)):
            kept = original.clone()
            for k, item in enumerate(order[ordering, row, :size].tolist(), start=1):
                kept[item] = 0.0
                pooled = kept @ document / kept.sum().clamp(min=1e-30)
                if readout(pooled).argmax() != decision:
                    count[ordering, row] = k
                    break
    return count


@torch.no_grad()
def loop_over_batch(values: Tensor, weights: Tensor, mask: Tensor, order: Tensor, readout: nn.Linear) -> Tensor:
    """The same for all documents of the batch at once, dropping those that have flipped; one ordering at a time."""
    sizes = mask.sum(-1)
    count = torch.full(order.shape[:2], -1)
    decision = readout(torch.bmm(weights[:, None], values).squeeze(1)).argmax(-1)
    for ordering in range(len(order)):
        active = torch.arange(len(values))
        kept, active_values = weights.clone(), values
        for k in range(1, int(sizes.max()) + 1):
            kept[torch.arange(len(active)), order[ordering, active, k - 1]] = 0.0
            pooled = torch.bmm((kept / kept.sum(-1, keepdim=True).clamp(min=1e-30))[:, None], active_values)
            flipped = readout(pooled.squeeze(1)).argmax(-1) != decision[active]
            count[ordering, active[flipped]] = k
            going_on = ~flipped & (sizes[active] > k)
            if not bool(going_on.all()):
                active, kept, active_values = active[going_on], kept[going_on], active_values[going_on]
            if len(active) == 0:
                break
    return count


def main() -> None:
    """Print the two ratios and whether the counts agree."""
    torch.set_num_threads(1)
    case = make_case()
    values, weights, mask, order, readout = case

    def engine() -> Tensor:
        return torch.as_tensor(attnprobe.first_flip(values, weights, mask, order, readout).count)

    counts = engine()
    batched = in_turn([lambda: loop_over_batch(*case), engine], repetitions=5)
    single = in_turn([lambda: loop_by_document(*case), engine], repetitions=3)
    identical = bool((counts == loop_over_batch(*case)).all() and (counts == loop_by_document(*case)).all())
    details = {
        "documents": DOCUMENTS,
        "items": float(mask.sum(-1).float().mean()),
        "orderings": ORDERINGS,
        "mean_fraction": float((counts / mask.sum(-1))[counts > 0].mean()),
        "identical_counts": identical,
        "engine_ms": 1e3 * statistics.median(batched[1]),
    }
    report("engine_vs_loop_by_document", median_ratio(*single), **details)
    report("engine_vs_loop_over_batch", median_ratio(*batched), **details)


if __name__ == "__main__":
    main()
