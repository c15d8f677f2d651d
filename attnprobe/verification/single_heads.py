"""What single heads do, measured again: a document alone, and a run of the whole model for every erasure."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from attnprobe.base.errors import InputError
from attnprobe.data.document_seeds import document_seeds
from attnprobe.erasure.orderings import rank_at_random
from attnprobe.models.subject import Tested
from attnprobe.runs.run_folder import MAPS_OF_HEADS
from attnprobe.runs.tables import read_table
from attnprobe.settings.attention import QUICK
from attnprobe.settings.verification import Sample
from attnprobe.stages.training import Run
from attnprobe.verification.comparison import AGREE
from attnprobe.verification.reference import TIED, Reference
from attnprobe.verification.reference_registry import head_references

DOCUMENTS, HEADS = 5, 24
"""So many documents of the table, drawn, are measured again, and of each so many heads."""


def compare_effects(run: Run, tested: Tested[Any], sample: Sample) -> str:
    """Compare what the run says that single heads do.

    Args:
        run: it, with a table of that.
        tested: its model; in double precision afterwards.
        sample: which of its documents are drawn, and of how many at most.

    Raises:
        InputError: a number is another one, by more than rounding, or the table lacks a head.
    """
    path = run.folder.table(MAPS_OF_HEADS[QUICK])
    table = read_table(path)
    generator = np.random.default_rng(sample.seed)
    numbers = np.unique(table["document"].to_numpy())
    numbers = np.sort(generator.permutation(numbers)[: min(DOCUMENTS, sample.documents)])
    split = run.dataset.splits["test"]
    encoded = run.subject.encode(split.take(numbers))
    seeds = document_seeds(
        run.configuration.settings.seed,
        np.asarray(split.content_hashes[numbers]),
        np.asarray(split.occurrences[numbers]),
    ).view(np.int64)
    compared = tied = 0
    for row, number in enumerate(numbers.tolist()):
        stored = table[table["document"] == number]
        batch = encoded.batch(np.array([row])).to(run.device)
        for (stack, layer, head), make in head_references(tested.probe, batch, HEADS, generator):
            which = (stored["stack"] == stack) & (stored["layer"] == layer) & (stored["head"] == head)
            where = f"{path}, document {number}, {stack} layer {layer} head {head}"
            if int(which.sum()) != 1:
                raise InputError(f"{where}: there are {int(which.sum())} rows of it, not one.")
            compared += 1
            tied += _compare(where, stored[which].iloc[0].to_dict(), make(), int(seeds[row]))
    return (
        f"{path.name} agrees with the slow reference in {compared:,} heads of {len(numbers):,} documents, each erased "
        f"whole, in its most attended item and in another one; {tied:,} comparisons within rounding"
    )


def _compare(where: str, stored: dict[str, Any], reference: Reference, seed: int) -> int:
    """How much was within rounding; raises InputError where a number is another one."""
    n = reference.items
    if stored["n"] != n:
        raise InputError(f"{where}: n is {stored['n']}, the reference finds {n}.")
    largest = reference.weights.sort(descending=True).values
    # Which item a head attends to most is not certain of two that are equal but for rounding.
    certain = n == 1 or bool(largest[0] - largest[1] > TIED * largest[0])
    top = int(reference.weights.argmax())
    random = rank_at_random(torch.ones(1, n, dtype=torch.bool), 1, torch.tensor([seed]))[0, 0].tolist()
    others = [item for item in random if item != top][:1]
    sets = {"whole": list(range(n))} | ({"top": [top]} if certain else {})
    sets |= {"other": others} if certain and others else {}
    size = max(1.0, float(reference.logits().abs().max()))
    tied = 3 - len(sets) - (n == 1)
    for name, erased in sets.items():
        found = reference.js(erased)
        if not abs(stored[f"js_{name}"] - found) <= AGREE * size:
            raise InputError(f"{where}: js_{name} is {stored[f'js_{name}']:.8g}, the reference finds {found:.8g}.")
        flips = reference.flips(erased)
        tied += flips is None
        if flips is not None and flips != bool(stored[f"flip_{name}"]):
            raise InputError(f"{where}: flip_{name} is {stored[f'flip_{name}']}, the reference finds {flips}.")
    return tied
