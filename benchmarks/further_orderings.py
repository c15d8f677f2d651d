"""What further orderings cost on top of the usual ones, against one plain forward pass of the documents; one thread.

    python -m benchmarks.further_orderings RUN

RUN is a run folder with a trained model. The plain pass computes what a user computes to classify: the logits. An
ordering's cost is what the battery takes with it less what it takes without it, so that its scores, its sort, the check
that it is a permutation, erasing along it (first flips, how many of its first items guarantee the decision) and its
columns of documents and items all count. The whole probe adds curves and areas of the sample of documents that a run
keeps them of, and tables in memory. All sets of orderings are run batch by batch in turn, in CPU seconds of the
process; ratios are of a split, medians over repetitions.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
import torch

from attnprobe.cli.options import reopen_run
from attnprobe.data.batches import EncodedDocuments
from attnprobe.data.document_seeds import document_seeds
from attnprobe.erasure.battery import run_battery
from attnprobe.erasure.orderings import largest_first
from attnprobe.erasure.registered_orderings import Ordering, chosen_orderings
from attnprobe.models.pooled.probe import PooledErasures, PooledProbe
from attnprobe.stages.tables import occurrences_of, probe_split
from attnprobe.training import EVALUATION_DOCUMENTS, EVALUATION_TOKENS
from attnprobe.training.checkpoints import load_model
from benchmarks.measure import in_turn, report

CPU = torch.device("cpu")

FURTHER = (
    "runner_up_margin",
    "leave_one_out",
    "leave_one_out_logit",
    "integrated_gradients",
    "integrated_gradients_logit",
    "norm",
    "contribution",
    "value_zeroing",
    "attention_gradient_sign",
)
"""Those that one row of attention with an affine readout has beside the paper's; Shapley values are apart."""

BROUGHT = Ordering("Brought", lambda batch, seeds: largest_first(batch.attention.products, batch))
"""The tenth: scores that somebody holds, of which there is nothing to compute."""

EVERYTHING = "all of them"
"""In the place of a name."""


def sets_of_orderings() -> dict[str, Mapping[str, Ordering]]:
    """What is erased by: the usual ones but for the margin, these and one more, these and all further ones."""
    everything = {**chosen_orderings([*FURTHER[1:], "shapley"]), "brought": BROUGHT}
    further = {name: everything[name] for name in (*FURTHER, "brought")}
    usual = {name: of for name, of in everything.items() if name not in (*further, "shapley")}
    single = {name: {**usual, name: everything[name]} for name in (*further, "shapley")}
    return {"": usual, **single, EVERYTHING: {**usual, **further}}


def seconds_of(
    probe: PooledProbe, encoded: EncodedDocuments, chosen: Mapping[str, Mapping[str, Ordering]]
) -> tuple[float, dict[str, float]]:
    """CPU seconds of plain forward passes over a split, and of batteries by each set of orderings, batch by batch."""
    hashes = encoded.documents.content_hashes
    seeds = torch.from_numpy(document_seeds(0, hashes, occurrences_of(hashes)).view(np.int64))
    forward, batteries = 0.0, dict.fromkeys(chosen, 0.0)
    groups = encoded.in_order_of_length(EVALUATION_DOCUMENTS, EVALUATION_TOKENS)
    for rows, batch in zip(groups, encoded.batches(groups, CPU), strict=True):
        started = time.process_time()
        with torch.no_grad():
            probe.model(batch)
        forward += time.process_time() - started
        reading = probe.read(batch)
        for name, orderings in chosen.items():
            started = time.process_time()
            run_battery(PooledErasures(*reading, probe.readout), seeds[rows], orderings=orderings)
            batteries[name] += time.process_time() - started
    return forward, batteries


def main() -> None:
    """Print what each further ordering costs, and what all of them do together, in plain forward passes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("run", type=Path)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--shapley", action="store_true", help="Shapley values, too, which take long")
    arguments = parser.parse_args()
    arguments.device = "cpu"
    torch.set_num_threads(1)
    run = reopen_run(arguments.run, arguments)
    model = run.new_model()
    load_model(run.folder.model, model, run.configuration.fingerprint)
    probe, encoded = PooledProbe(model), run.subject.encoded("test")
    chosen = sets_of_orderings()
    if not arguments.shapley:
        del chosen["shapley"]
    ends = {name: chosen[name] for name in ("", EVERYTHING)}
    seconds_of(probe, encoded, ends)
    rounds = [seconds_of(probe, encoded, chosen) for _ in range(arguments.repetitions)]
    details = {"documents": len(encoded), "tokens": int(encoded.lengths.sum()), "repetitions": len(rounds)}
    seconds = {"forward_seconds": statistics.median(forward for forward, _ in rounds)}
    for name in chosen:
        if not name:
            continue
        ratios = [(batteries[name] - batteries[""]) / forward for forward, batteries in rounds]
        spread = {"least": min(ratios), "most": max(ratios)}
        several = {"orderings": len(FURTHER) + 1} if name == EVERYTHING else {}
        report(f"{name} / plain pass", statistics.median(ratios), **spread, **several, **details, **seconds)
    probes = [partial(probe_split, probe, encoded, 0, CPU, of) for of in ends.values()]
    without, with_all = in_turn(probes, arguments.repetitions, clock=time.process_time)
    ratios = [(more - less) / forward for less, more, (forward, _) in zip(without, with_all, rounds, strict=True)]
    spread = {"least": min(ratios), "most": max(ratios)}
    name = f"{EVERYTHING}, in the whole probe / plain pass"
    report(name, statistics.median(ratios), orderings=len(FURTHER) + 1, **spread, **details, **seconds)


if __name__ == "__main__":
    main()
