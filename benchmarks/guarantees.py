"""Processor time of what is exact for an affine readout, beside searching and sampling, one thread.

python -m benchmarks.guarantees

Documents have softmax weights of normal scores and normal values, as those of ``benchmarks.aopc_limits``. Milliseconds
are of the processor, a document, all of them in one call but for covering programs, which are solved one by one.
Beside the adversary stands the gradient search of Jain & Wallace (2019), five starts of 500 steps; beside Shapley
values the mean over 2,000 sampled orders of a document, with the largest error of a value in logits.
"""

from __future__ import annotations

import time
from statistics import median

import torch
from torch import Tensor

from attnprobe import adversarial_attention, minimal_sufficient_set, shapley_values
from attnprobe.erasure.adversaries.feasible_rows import FeasibleRows
from attnprobe.erasure.contributions import Contributions
from attnprobe.erasure.guarantees.smallest_sets import smallest_sets
from attnprobe.papers.jain2019.searched_attention import RESTARTS, STEPS, searched_divergence
from benchmarks.aopc_limits import make_case
from benchmarks.measure import processor_seconds, report

EPSILON = 0.05

ORDERS = 2000
"""Sampled, of one document."""

PROGRAMS = 200
"""Documents whose covering programs are timed one by one."""


def sufficient_sets() -> None:
    """Two classes in one call; six classes document by document, of those that need a program."""
    case = make_case(500, 200, 2)
    seconds = processor_seconds(lambda: minimal_sufficient_set(*case), repetitions=5)
    report("sufficient_sets_two_classes_200_items_ms", 1e3 * seconds / 500, documents=500)
    projected = Contributions(*case)
    seconds = processor_seconds(lambda: smallest_sets(projected.requirements()), repetitions=5)
    report("sufficient_sets_behind_the_projection_ms", 1e3 * seconds / 500, documents=500)
    values, weights, mask, readout = make_case(PROGRAMS, 50, 6)
    spent = []
    for row in range(PROGRAMS):
        start = time.process_time()
        minimal_sufficient_set(values[row : row + 1], weights[row : row + 1], mask, readout)
        spent.append(1e3 * (time.process_time() - start))
    report("sufficient_sets_six_classes_50_items_ms", median(spent), documents=PROGRAMS, largest=f"{max(spent):.0f}")


def adversaries() -> None:
    """Two classes, beside the search; three classes; six with a hundred programs."""
    case = make_case(200, 200, 2)
    found = adversarial_attention(*case, EPSILON)
    seconds = processor_seconds(lambda: adversarial_attention(*case, EPSILON), repetitions=5) / 200
    report("adversary_two_classes_200_items_ms", 1e3 * seconds, documents=200, mean=f"{found.distance.mean():.3f}")
    some = [part[:20] if isinstance(part, Tensor) else part for part in case]
    of = Contributions(*some)
    rows = FeasibleRows.of(of.margins, of.mass, of.decision, of.mask, EPSILON)
    searched = processor_seconds(lambda: searched_divergence(rows, EPSILON, 0), repetitions=1) / 20
    reached = searched_divergence(rows, EPSILON, 0)
    report(
        "adversary_by_search_200_items_ms",
        1e3 * searched,
        documents=20,
        starts=RESTARTS,
        steps=STEPS,
        mean=f"{reached.mean():.3f}",
        median_ratio=f"{(reached / found.distance[:20]).median():.2f}",
        slower=f"{searched / seconds:.0f}",
    )
    for classes, documents in ((3, 20), (6, 5)):
        case = make_case(documents, 200, classes)
        found = adversarial_attention(*case, EPSILON, programs=100)
        seconds = processor_seconds(
            lambda case=case: adversarial_attention(*case, EPSILON, programs=100), repetitions=1
        )
        widest = (found.bound - found.distance).max().item()
        report(
            f"adversary_{classes}_classes_200_items_ms",
            1e3 * seconds / documents,
            documents=documents,
            widest=f"{widest:.1e}",
        )


def shares() -> None:
    """Ten classes at 300 items, one document, beside sampled orders."""
    values, weights, mask, readout = make_case(1, 300, 10)
    seconds = processor_seconds(lambda: shapley_values(values, weights, mask, readout), repetitions=5)
    exact = shapley_values(values, weights, mask, readout)[0]
    report("shapley_300_items_ten_classes_ms", 1e3 * seconds, documents=1)
    of = Contributions(values, weights, mask, readout)
    gains, mass = (of.alone * of.mass[:, None])[0], of.mass[0]
    sampled = processor_seconds(lambda: by_sampling(gains, mass, of.bias), repetitions=1)
    error = (by_sampling(gains, mass, of.bias).T - exact).abs().max().item()
    report(
        "shapley_by_sampled_orders_ms",
        1e3 * sampled,
        orders=ORDERS,
        largest_error=f"{error:.1e}",
        slower=f"{sampled / seconds:.1f}",
    )


def by_sampling(gains: Tensor, mass: Tensor, empty: Tensor) -> Tensor:
    """The mean over random orders of what each item adds (classes, items), from sums over every prefix."""
    generator = torch.Generator().manual_seed(0)
    total = torch.zeros_like(gains)
    for _ in range(ORDERS):
        order = torch.randperm(len(mass), generator=generator)
        outcome = gains[:, order].cumsum(-1) / mass[order].cumsum(-1)
        before = torch.cat([empty[:, None], outcome[:, :-1]], 1)
        total[:, order] += outcome - before
    return total / ORDERS


def main() -> None:
    """Print a line a figure."""
    torch.set_num_threads(1)
    sufficient_sets()
    adversaries()
    shares()


if __name__ == "__main__":
    main()
