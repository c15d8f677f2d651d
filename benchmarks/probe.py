"""The battery, and the whole probe, against one plain forward pass over the same documents; one thread.

    python -m benchmarks.probe RUN

RUN is a run folder with a trained model. The plain pass computes what a user computes to classify: the logits. The
battery (8 orderings, the oracle, every single erasure) reads the values and scores that such a pass makes anyway.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import numpy as np
import torch

from attnprobe.cli.options import reopen_run
from attnprobe.data.batches import EncodedDocuments
from attnprobe.data.document_seeds import document_seeds
from attnprobe.erasure.battery import run_battery
from attnprobe.models.pooled.closed_forms import PooledErasures
from attnprobe.models.pooled.probe import PooledProbe
from attnprobe.stages.tables import occurrences_of, probe_split
from attnprobe.training import EVALUATION_DOCUMENTS, EVALUATION_TOKENS
from attnprobe.training.checkpoints import load_model
from benchmarks.measure import report, seconds

CPU = torch.device("cpu")


def time_battery(probe: PooledProbe, encoded: EncodedDocuments) -> tuple[float, float]:
    """Seconds of plain forward passes and of batteries over a split, batch by batch in turn."""
    hashes = encoded.documents.content_hashes
    seeds = torch.from_numpy(document_seeds(0, hashes, occurrences_of(hashes)).view(np.int64))
    forward = battery = 0.0
    groups = encoded.in_order_of_length(EVALUATION_DOCUMENTS, EVALUATION_TOKENS)
    for rows, batch in zip(groups, encoded.batches(groups, CPU), strict=True):
        started = time.perf_counter()
        with torch.no_grad():
            probe.model(batch)
        forward += time.perf_counter() - started
        reading = probe.read(batch)
        started = time.perf_counter()
        run_battery(PooledErasures(*reading, probe.readout), seeds[rows])
        battery += time.perf_counter() - started
    return forward, battery


def main() -> None:
    """Print what the battery and the whole probe cost, as shares of a plain forward pass."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("run", type=Path)
    parser.add_argument("--repetitions", type=int, default=3)
    arguments = parser.parse_args()
    arguments.device = "cpu"
    torch.set_num_threads(1)
    run = reopen_run(arguments.run, arguments)
    model = run.new_model()
    load_model(run.folder.model, model, run.configuration.fingerprint)
    probe = PooledProbe(model)
    encoded = run.subject.encoded("test")
    time_battery(probe, encoded)
    pairs = [time_battery(probe, encoded) for _ in range(arguments.repetitions)]
    whole = [seconds(lambda: probe_split(probe, encoded, 0, CPU)) for _ in range(arguments.repetitions)]
    details = {
        "documents": len(encoded),
        "tokens": int(encoded.lengths.sum()),
        "forward_tokens_per_second": int(encoded.lengths.sum()) / statistics.median(f for f, _ in pairs),
    }
    report("battery_on_top_of_forward", statistics.median(b / f for f, b in pairs), **details)
    report(
        "whole_probe_vs_forward",
        statistics.median(w / f for w, (f, _) in zip(whole, pairs, strict=True)),
        note="forward pass, battery and tables in memory",
        **details,
    )


if __name__ == "__main__":
    main()
