"""Run the real command in a process of its own."""

import atexit
import functools
import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
COMMAND = [sys.executable, "-m", "attnprobe"]
TIMEOUT = 900
"""Seconds, for what hangs: a machine that is busy may take minutes for seconds of work."""


def environment(**extra):
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **extra}


def attnprobe(*arguments, cwd, largest_file=None):
    """(exit status, standard output, standard error); never a traceback.

    Where ``largest_file`` is a number of bytes, no file can grow beyond it.
    """
    return _without_traceback(*_warm().run(None, list(map(str, arguments)), cwd, largest_file=largest_file))


def run_script(path, *arguments, cwd=None):
    """The same of a Python script."""
    return _without_traceback(*_warm().run(str(path), list(map(str, arguments)), cwd or Path.cwd()))


def attnprobe_unheard(*arguments, cwd, lines=0, script=None):
    """(exit status, what was read): the same command as under ``2>&1 | head -n``, whose reader goes after some lines.

    Standard output and standard error are pipes that are closed then, the latter at once.
    """
    with tempfile.TemporaryDirectory() as folder:
        out, errors = Path(folder, "out"), Path(folder, "errors")
        read = []

        def listen(path, lines):
            with path.open() as pipe:
                read.extend(itertools.islice(pipe, lines))

        listeners = []
        for path, count in ((out, lines), (errors, 0)):
            os.mkfifo(path)
            listeners.append(threading.Thread(target=listen, args=(path, count), daemon=True))
            listeners[-1].start()
        status = _warm().run_into(script, list(map(str, arguments)), cwd, out, errors)
        for listener in listeners:
            listener.join(TIMEOUT)
        return status, "".join(read)


def attnprobe_stopped(*arguments, cwd, after, number):
    """(exit status, standard output and errors) of a command that gets a signal a while after its start."""
    with tempfile.TemporaryDirectory() as folder:
        said = Path(folder, "said")
        said.touch()
        stop = (after, number)
        status = _warm().run_into(None, list(map(str, arguments)), cwd, said, said, stop_after=stop)
        text = said.read_text()
    assert "Traceback" not in text, text
    return status, text


def _without_traceback(status, out, errors):
    assert "Traceback" not in out + errors, errors
    return status, out, errors


class WarmProcess:
    """A process that has imported everything and forks for each command."""

    def __init__(self):
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.warm_process"],
            cwd=ROOT,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=heed_interruptions,
        )
        atexit.register(self._process.kill)

    def run(self, script, arguments, cwd, **keywords):
        """(exit status, standard output, standard error) of a script or command in a process of its own."""
        with tempfile.TemporaryDirectory() as folder:
            out, errors = Path(folder, "out"), Path(folder, "errors")
            status = self.run_into(script, arguments, cwd, out, errors, **keywords)
            return status, out.read_text(), errors.read_text()

    def run_into(self, script, arguments, cwd, out, errors, *, stop_after=None, largest_file=None):
        """The same with standard output and standard error in these files; the exit status.

        Where ``stop_after`` is (seconds, signal), the command gets the signal so long after its start; where
        ``largest_file`` is a number of bytes, no file can grow beyond it.
        """
        command = {"script": script, "arguments": arguments, "cwd": str(cwd), "environment": environment()}
        command |= {"out": str(out), "errors": str(errors), "largest_file": largest_file}
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        child = int(self._process.stdout.readline())
        seconds, number = stop_after or (TIMEOUT, signal.SIGKILL)
        stop = threading.Timer(seconds, os.kill, (child, number))
        stop.start()
        try:
            status = int(self._process.stdout.readline())
        finally:
            stop.cancel()  # else it would kill whoever has the number by then
        assert stop_after or status != -signal.SIGKILL, f"{arguments} took longer than {TIMEOUT} s"
        return status


_warm = functools.cache(WarmProcess)


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
