"""Run the real command in a process of its own."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
COMMAND = [sys.executable, "-m", "attnprobe"]


def environment(**extra):
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **extra}


def attnprobe(*arguments, cwd, **keywords):
    """(exit status, standard output, standard error); never a traceback."""
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        **keywords,
    )
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    return done.returncode, done.stdout, done.stderr


def heed_interruptions():
    """For ``preexec_fn``: a suite that runs in the background of a script has its interruptions ignored, and hands that
    down to the processes it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def planted_rows(documents, seed=0, classes=("pos", "neg")):
    """(label, text) rows whose class is told by a word of its own, one to four sentences each."""
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(documents):
        label = classes[rng.integers(len(classes))]
        sentences = [
            " ".join(f"word{rng.integers(12)}" for _ in range(rng.integers(2, 7))) for _ in range(rng.integers(2, 5))
        ]
        sentences[rng.integers(len(sentences))] += f" planted{label}"
        rows.append((label, ". ".join(sentences) + "."))
    return rows


def write_splits(folder, **splits):
    """A folder of TSV files with a header."""
    folder.mkdir(parents=True, exist_ok=True)
    for split, rows in splits.items():
        lines = ["category\ttokens", *("\t".join(row) for row in rows)]
        (folder / f"{split}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def planted_folder(folder, train=80, test=30):
    """A small dataset that a small model learns in seconds."""
    return write_splits(folder, train=planted_rows(train, 1), dev=planted_rows(20, 2), test=planted_rows(test, 3))
