"""Training where one laptop ends: peak memory against the number of documents, and two processes against one.

    python -m benchmarks.training_at_scale memory
    python -m benchmarks.training_at_scale ranks --dataset PATH

Memory is that of `attnprobe train` as a whole, on short made-up documents, the second time, when they are tokenised;
batches are large, so that it is soon over. Ranks are one and two processes of one thread each, in turn, on the same
batches; the figure is the median of the later epochs' tokens a second.
"""

from __future__ import annotations

import argparse
import csv
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.measure import report

TRAIN = ["-m", "attnprobe", "train"]
TORCHRUN = ["-m", "torch.distributed.run", "--nproc-per-node", "2"]


def train(folder: Path, *arguments: str, launcher: list[str] | None = None) -> float:
    """Train in a process of its own; returns the peak of its memory in MiB (of several processes, of the launcher)."""
    command = [sys.executable, *(launcher or []), *TRAIN, *arguments, "--device", "cpu", "--force"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} failed")
    return usage.ru_maxrss / 1024


def made_up(folder: Path, documents: int, words: int = 10) -> None:
    """Splits of short documents of 2,000 words; of these the first tells the class."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for split, size in {"train": documents, "dev": 2000, "test": 10}.items():
        with (folder / f"{split}.tsv").open("w", encoding="utf-8") as file:
            file.write("category\ttokens\n")
            for numbers in rng.integers(0, 2000, (size, words)).tolist():
                file.write(f"{numbers[0] % 2}\t{' '.join(f'word{number}' for number in numbers)}\n")


def memory(documents: int) -> None:
    """Print the ratio of the peaks of four times the documents and of the documents."""
    peaks = []
    with tempfile.TemporaryDirectory() as folder:
        for size in (documents, 4 * documents):
            made_up(Path(folder) / str(size), size)
            arguments = ("--dataset", str(size), "--model", "flan-none", "--epochs", "1", "--batch-size", "2048")
            train(Path(folder), *arguments)
            peaks.append(train(Path(folder), *arguments))
    report("training_peak_memory_of_four_times_the_documents", peaks[1] / peaks[0], documents=documents, mib=peaks[0])


def tokens_per_second(folder: Path) -> float:
    """Of a run's later epochs, their median."""
    (log,) = folder.glob("*/*/seed-0/training.csv")
    with log.open(encoding="utf-8") as file:
        return statistics.median([float(row["tokens_per_second"]) for row in csv.DictReader(file)][1:])


def ranks(dataset: Path, model: str, repetitions: int) -> None:
    """Print the ratio of the speeds of two processes and of one."""
    arguments = ("--dataset", str(dataset.resolve()), "--model", model, "--epochs", "3", "--patience", "3")
    speeds: dict[str, list[float]] = {"one": [], "two": []}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(repetitions):
            for name, launcher in (("one", None), ("two", TORCHRUN)):
                train(Path(folder), *arguments, "--out", name, launcher=launcher)
                speeds[name].append(tokens_per_second(Path(folder) / name))
    ratio = statistics.median(two / one for one, two in zip(speeds["one"], speeds["two"], strict=True))
    report("training_speed_of_two_ranks_vs_one", ratio, one=statistics.median(speeds["one"]), model=model)


def main() -> None:
    """Measure what the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    commands = parser.add_subparsers(dest="what", required=True)
    of_memory = commands.add_parser("memory")
    of_memory.add_argument("--documents", type=int, default=100_000)
    of_ranks = commands.add_parser("ranks")
    of_ranks.add_argument("--dataset", type=Path, required=True)
    of_ranks.add_argument("--model", default="flan-rnn")
    of_ranks.add_argument("--repetitions", type=int, default=3)
    arguments = parser.parse_args()
    if arguments.what == "memory":
        memory(arguments.documents)
    else:
        ranks(arguments.dataset, arguments.model, arguments.repetitions)


if __name__ == "__main__":
    main()
