"""A million documents: made of real ones, probed, measured.

    python -m benchmarks.scale make SOURCE OUT --documents 1000000
    attnprobe train --dataset OUT --model flan-rnn --epochs 2
    python -m benchmarks.scale probe RUN --workers 2

SOURCE is a dataset's folder with train.tsv (category, tokens). Each document is a passage of about 40 words of one of
its texts with every tenth word replaced by a word of another text; OUT holds 5,000 of them to train on, 1,000 to choose
by and so many to test. ``probe`` times ``attnprobe probe`` and then ``attnprobe report`` on a copy of a trained run, in
processes of their own, and prints their peak memory, the documents a second, and the CPU time a document of each tenth.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.measure import report

TRAIN, DEV = 5_000, 1_000
FEWEST, MOST = 25, 55
"""Words of a passage."""

REPLACED = 0.1
"""Share of a passage's words that come from elsewhere."""


def passages(source: Path, seed: int) -> Iterator[tuple[str, str]]:
    """Labels and texts without end."""
    lines = (source / "train.tsv").read_text(encoding="utf-8").split("\n")[1:]
    rows = [line.split("\t") for line in lines if "\t" in line]
    texts = [text.split() for _, text in rows]
    rng = np.random.default_rng(seed)
    while True:
        row, other = rng.integers(len(rows), size=2).tolist()
        words = texts[row]
        size = int(rng.integers(FEWEST, MOST + 1))
        start = int(rng.integers(max(1, len(words) - size + 1)))
        passage = words[start : start + size]
        for place in np.flatnonzero(rng.random(len(passage)) < REPLACED).tolist():
            passage[place] = texts[other][int(rng.integers(len(texts[other])))]
        yield rows[row][0], " ".join(passage)


def make(source: Path, out: Path, documents: int) -> None:
    """Write the three splits."""
    out.mkdir(parents=True, exist_ok=True)
    made = passages(source, 0)
    for split, size in (("train", TRAIN), ("dev", DEV), ("test", documents)):
        with (out / f"{split}.tsv").open("w", encoding="utf-8") as file:
            file.write("category\ttokens\n")
            file.writelines("\t".join(next(made)) + "\n" for _ in range(size))


def probe(run: Path, workers: int, executor: str | None) -> None:
    """Print what probing and reporting on a run cost."""
    copy = run.with_name(f"{run.name}-{executor or 'local'}-{workers}")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(run, copy)
    options = ["--workers", str(workers), *([] if executor is None else ["--executor", executor])]
    seconds, peak = _measured("probe", str(copy), *options)
    log = [json.loads(line) for line in (copy / "execution.jsonl").read_text().splitlines()]
    documents = sum(entry["documents"] for entry in log)
    report(
        f"documents a second, {workers} workers",
        documents / seconds,
        documents=documents,
        words=sum(entry["words"] for entry in log),
        minutes_per_million_documents=seconds / documents * 1e6 / 60,
        wall_seconds=seconds,
        probing_wall_seconds=max(entry["end"] for entry in log) - min(entry["end"] - entry["seconds"] for entry in log),
        peak_mib=peak,
    )
    tenths = np.array_split(np.array([(entry["cpu_seconds"], entry["documents"]) for entry in log]), 10)
    costs = [float(part[:, 0].sum() / part[:, 1].sum()) for part in tenths if len(part)]
    report("CPU a document, last tenth against the first", costs[-1] / costs[0], tenths_ms=[1e3 * c for c in costs])
    seconds, peak = _measured("report", str(copy))
    report("report, seconds", seconds, documents=documents, peak_mib=peak)


def _measured(*arguments: str) -> tuple[float, float]:
    """Wall-clock seconds of a command, and the peak memory in MiB of its largest process."""
    script = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    started = time.perf_counter()
    command = [sys.executable, "-c", script, sys.executable, "-m", "attnprobe", *arguments]
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    return time.perf_counter() - started, int(done.stdout) / 1024


def main() -> None:
    """Make, or probe."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    commands = parser.add_subparsers(dest="command", required=True)
    making = commands.add_parser("make")
    making.add_argument("source", type=Path)
    making.add_argument("out", type=Path)
    making.add_argument("--documents", type=int, default=1_000_000)
    probing = commands.add_parser("probe")
    probing.add_argument("run", type=Path)
    probing.add_argument("--workers", type=int, default=1)
    probing.add_argument("--executor")
    arguments = parser.parse_args()
    if arguments.command == "make":
        make(arguments.source, arguments.out, arguments.documents)
    else:
        probe(arguments.run, arguments.workers, arguments.executor)


if __name__ == "__main__":
    main()
