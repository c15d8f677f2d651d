"""Processor time of a run's probe in all five ways of erasing over that in one, one process, one thread.

python -m benchmarks.meanings RUN --json benchmarks/results/meanings.json

RUN is a run folder of a model whose attention pools, trained: the default run where no other is meant. Both are whole
probes of the test split in memory, in turn: reading, the battery, curves and tables. That of five ways also reads the
training documents whose vectors stand in, once, as a run's first probe does.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path

import torch

from attnprobe.cli.options import reopen_run
from attnprobe.erasure.meaning import Meaning
from attnprobe.erasure.registered_ways import OWN, RENORMALISE
from attnprobe.erasure.stand_ins import TrainingVectors
from attnprobe.stages.tables import Tables, probe_split
from attnprobe.stages.training_vectors import TRAINING, computed_vectors, kept_of, training_sample
from benchmarks.measure import in_turn, median_ratio, report


def main() -> None:
    """Print the ratio, and what it was measured on."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("run", type=Path)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--json", type=Path, help="where to write the figures")
    arguments = parser.parse_args()
    arguments.device = "cpu"
    torch.set_num_threads(1)
    run = reopen_run(arguments.run, arguments)
    probe, encoded = run.subject.load().probe, run.subject.encoded("test")
    split, seed = run.dataset.splits[TRAINING], run.configuration.settings.seed

    def one_way() -> Tables:
        probe.others = ()
        return probe_split(probe, encoded, seed, run.device)

    def five_ways() -> Tables:
        training = run.subject.encode_for_training(split.take(training_sample(len(split), seed)))
        probe.training = {
            name: TrainingVectors(vectors.double().mean(0), vectors[torch.from_numpy(kept_of(len(vectors), seed))])
            for name, vectors in computed_vectors(probe, training, run.device).items()
        }
        probe.others = [Meaning(name) for name in OWN if name != RENORMALISE]
        return probe_split(probe, encoded, seed, run.device)

    assert five_ways().erasures.num_rows > one_way().erasures.num_rows
    five, one = in_turn([five_ways, one_way], arguments.repetitions, warm_ups=0, clock=time.process_time)
    figures = {
        "five_ways_over_one": median_ratio(five, one),
        "ratios": [a / b for a, b in zip(five, one, strict=True)],
        "seconds_of_one": statistics.median(one),
        "seconds_of_five": statistics.median(five),
        "documents": len(encoded),
        "tokens": int(encoded.lengths.sum()),
        "training_documents": len(training_sample(len(split), seed)),
    }
    report("five_ways_over_one", figures["five_ways_over_one"], **{k: v for k, v in figures.items() if k != "ratios"})
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
