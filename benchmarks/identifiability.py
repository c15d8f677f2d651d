"""The cost of identifiability for one head of 128 items with values of width 64; one thread.

    python -m benchmarks.identifiability
    python -m benchmarks.identifiability --rows
    python -m benchmarks.identifiability --run RUN --items 128 256 512

The second line times all that ``attnprobe identify`` computes of made-up rows of several lengths and widths; the third,
what it computes of one document of a transformer's run, cut to so many items, in its last layer.

Processor seconds stand beside those on the clock: they are what the work costs where others share the machine. Nullity
is compared with a plain rank of the same matrix in NumPy, the weight ranges of one row with two calls of
``scipy.optimize.linprog`` an item on the constraints as they stand.
"""

from __future__ import annotations

import argparse
import resource
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.optimize import linprog

from attnprobe.cli.options import reopen_run
from attnprobe.identifiability import (
    ErasureOutcomes,
    farthest_alternative,
    first_flips_of,
    maxent_attention,
    nullity,
    same_head_output,
    weight_range,
)
from attnprobe.models.huggingface.sequences import model_inputs
from attnprobe.stages.identifying.erasure_reach import erasure_reach
from attnprobe.stages.identifying.programs import document_entries
from attnprobe.stages.identifying.weight_reach import weight_reach
from benchmarks.measure import in_turn, median_ratio, processor_seconds, report

ITEMS, DIM, CLASSES, HEADS = 128, 64, 6, 64
ROWS = [
    *((129, 32, 1), (129, 64, 1), (129, 64, 4), (160, 100, 1), (256, 64, 1), (256, 64, 4), (256, 100, 1)),
    *((400, 100, 1), (400, 100, 3), (512, 64, 1), (512, 64, 4)),
]  # items, dim, what scores are multiplied by


def make_case(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
    """Softmax weights and normal values of one row, and a readout."""
    generator = torch.Generator().manual_seed(seed)
    weights = torch.softmax(torch.randn(ITEMS, generator=generator, dtype=torch.float64), -1)
    values = torch.randn(ITEMS, DIM, generator=generator, dtype=torch.float64)
    readout = torch.randn(CLASSES, DIM, generator=generator), 0.1 * torch.randn(CLASSES, generator=generator)
    return weights, values, readout


def plain_rank(values: torch.Tensor) -> int:
    """n − rank [V, 1] by NumPy."""
    matrix = np.column_stack([values.numpy(), np.ones(len(values))])
    return len(values) - int(np.linalg.matrix_rank(matrix))


def plain_ranges(weights: torch.Tensor, values: torch.Tensor) -> np.ndarray:
    """Least and greatest weights (2, items) by two programs an item, nothing shared."""
    matrix = np.vstack([values.T.numpy(), np.ones(len(values))])
    found = np.empty((2, len(values)))
    for item in range(len(values)):
        for end, sign in enumerate((1.0, -1.0)):
            objective = np.zeros(len(values))
            objective[item] = sign
            solved: Any = linprog(objective, A_eq=matrix, b_eq=matrix @ weights.numpy())
            found[end, item] = sign * solved.fun
    return found


def real_document(path: Path, items: int) -> None:
    """Print processor seconds a head of the last layer, of the first test document that is long enough."""
    run = reopen_run(path, argparse.Namespace(device="cpu"))
    probe: Any = run.subject.load().probe
    split = run.dataset.splits["test"]
    document = np.flatnonzero(split.words_per_document >= items)[:1]
    batch = run.subject.encode(split.take(document)).batch(np.array([0]))
    inputs = {name: part[:, :items] for name, part in model_inputs(probe.model, batch).items()}
    readings = list(probe.attention.readings(inputs, "last", "all", torch.zeros(1, dtype=torch.int64)))
    entries = document_entries(readings, 0, torch.zeros(1, dtype=torch.int64), None)
    seconds = [entry["seconds"] for entry in entries if not entry["failed"]]
    report(
        "identify_processor_seconds_a_head",
        statistics.median(seconds),
        items=items,
        dim=readings[0].values.shape[-1],
        heads=len(entries),
        failed=len(entries) - len(seconds),
        largest=max(seconds),
        peak_gib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    )


def made_up_row(items: int, dim: int, peak: float) -> None:
    """Print processor seconds of how far the weights of a row reach, and with what erasing them can do."""
    generator = torch.Generator().manual_seed(0)
    weights = torch.softmax(peak * torch.randn(items, generator=generator, dtype=torch.float64), -1)
    values = torch.randn(items, dim, generator=generator, dtype=torch.float64)
    readout = torch.randn(4, dim, generator=generator), 0.1 * torch.randn(4, generator=generator)
    alternatives = same_head_output(weights, values)
    orders = weights.argsort(descending=True).numpy(), np.random.default_rng(0).permutation(items)
    reach = processor_seconds(lambda: weight_reach(alternatives, values.numpy()), 1)
    erasing = processor_seconds(lambda: erasure_reach(ErasureOutcomes(alternatives, values, readout), *orders), 1)
    report("identify_processor_seconds_a_row", reach + erasing, weights=reach, items=items, dim=dim, peak=peak)


def main() -> None:
    """Print the two ratios, and seconds for what is built on them; or what a real document costs."""
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, help="of a Hugging Face model")
    parser.add_argument("--items", type=int, nargs="+", default=[ITEMS], help=f"default: {ITEMS}")
    parser.add_argument("--rows", action="store_true", help="made-up rows of several lengths, widths and peaks")
    arguments = parser.parse_args()
    if arguments.rows:
        for row in ROWS:
            made_up_row(*row)
        return
    if arguments.run is not None:
        for items in arguments.items:
            real_document(arguments.run, items)
        return
    weights, values, readout = make_case()
    single = in_turn([lambda: plain_rank(values), lambda: nullity(values)], repetitions=20)
    many = torch.randn(HEADS, ITEMS, DIM, generator=torch.Generator().manual_seed(1))
    batched = in_turn([lambda: nullity(many)], repetitions=3)[0]
    report(
        "nullity_vs_plain_rank",
        median_ratio(*single),
        items=ITEMS,
        dim=DIM,
        nullity_ms=1e3 * statistics.median(single[1]),
        nullity_processor_ms=1e3 * processor_seconds(lambda: nullity(values), 20),
        nullity_ms_a_head_in_batches=1e3 * statistics.median(batched) / HEADS,
        agree=plain_rank(values) == int(nullity(values).nullity),
    )
    ranges = in_turn([lambda: plain_ranges(weights, values), lambda: weight_range(weights, values)], repetitions=3)
    ours, plain = weight_range(weights, values), plain_ranges(weights, values)
    report(
        "weight_range_vs_plain_programs",
        median_ratio(*ranges),
        items=ITEMS,
        dim=DIM,
        weight_range_seconds=statistics.median(ranges[1]),
        weight_range_processor_seconds=processor_seconds(lambda: weight_range(weights, values), 3),
        plain_seconds=statistics.median(ranges[0]),
        agree_to_1e_9=bool(np.abs(np.stack([ours.low, ours.high]) - plain).max() < 1e-9),
        certificates_hold_to_1e_9=float(ours.residual) < 1e-9,
    )
    alternatives = same_head_output(weights, values)
    outcomes = ErasureOutcomes(alternatives, values, readout)
    order = weights.argsort(descending=True).numpy()
    for figure, function in (
        ("must_may_never_seconds_after_ranges", outcomes.items),
        ("first_flip_range_seconds_after_ranges", lambda: first_flips_of(outcomes, order)),
        ("farthest_bounds_seconds_after_ranges", lambda: farthest_alternative(alternatives)),
        ("maxent_seconds", lambda: maxent_attention(values, weights @ values)),
    ):
        report(figure, statistics.median(in_turn([function], repetitions=3)[0]), items=ITEMS, dim=DIM, classes=CLASSES)


if __name__ == "__main__":
    main()
