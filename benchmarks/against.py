"""This version against an earlier one: CPU seconds of the same work, in turn, and their ratio.

    python -m benchmarks.against REV training flan-rnn
    python -m benchmarks.against REV attnprobe describe docstrings

REV is checked out into a temporary worktree. A benchmark of this folder is measured by its ``workload``, a function of
the arguments that follow its name, which gets everything ready and returns what is measured; both versions of the
package do today's workload, each in a process that stays. A command is started anew each time, in an empty folder, so
that paths in it must be absolute; ``ATTNPROBE_CACHE=cache`` before the whole makes it start without a cache, too. The
first pair warms up and is not counted. One thread. Options stand before REV.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.measure import report

ROOT = Path(__file__).resolve().parent.parent
COMMAND = "attnprobe"


def git(*arguments: str) -> str:
    """What git says; a SystemExit with its own words where it refuses."""
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        print(done.stderr.strip(), file=sys.stderr)
        raise SystemExit(2)
    return done.stdout.strip()


@contextlib.contextmanager
def checked_out(revision: str) -> Iterator[Path]:
    """The tree of a revision, with today's benchmarks."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        git("worktree", "add", "--detach", str(tree), revision)
        try:
            shutil.rmtree(tree / "benchmarks", ignore_errors=True)
            shutil.copytree(ROOT / "benchmarks", tree / "benchmarks")
            yield tree
        finally:
            git("worktree", "remove", "--force", str(tree))


def environment(tree: Path) -> dict[str, str]:
    """In which Python finds this tree's package, and one thread computes."""
    return {**os.environ, "PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1"}


def command_seconds(tree: Path, arguments: list[str]) -> float:
    """CPU seconds of a command and of the processes that it starts."""
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [sys.executable, "-m", COMMAND, *arguments], cwd=folder, env=environment(tree), stdout=subprocess.DEVNULL
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{COMMAND} {' '.join(arguments)} ended with exit status {process.returncode} in {tree}")
    return usage.ru_utime + usage.ru_stime


@contextlib.contextmanager
def measured(tree: Path, what: list[str]) -> Iterator[Callable[[], float]]:
    """A function that does the work once in this tree's version and returns its CPU seconds."""
    name, *arguments = what
    if name == COMMAND:
        yield lambda: command_seconds(tree, arguments)
        return
    line = [sys.executable, "-m", "benchmarks.one_side", name, *arguments]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(line, cwd=tree, env=environment(tree), **pipes) as process:

        def once() -> float:
            assert process.stdin is not None
            assert process.stdout is not None
            with contextlib.suppress(BrokenPipeError):  # what has happened is on standard error
                print(file=process.stdin, flush=True)
            answer = process.stdout.readline()
            if not answer:
                raise SystemExit(f"benchmarks.{name} failed in {tree}")
            return float(answer)

        yield once


def ratios(before: Path, now: Path, what: list[str], pairs: int) -> list[tuple[float, float]]:
    """CPU seconds (before, now) of each pair."""
    with measured(before, what) as old, measured(now, what) as new:
        return [(old(), new()) for _ in range(pairs + 1)][1:]


def keep(path: Path, figure: dict[str, Any]) -> None:
    """Write a figure into a file of figures, in the place of an earlier one of the same work."""
    figures = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    figures = [other for other in figures if other["work"] != figure["work"]] + [figure]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def processor() -> str:
    """Its name, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def main() -> None:
    """Print the ratio, and keep it if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--pairs", type=int, default=5, help="how many times each side is measured")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the figure in this file, too")
    parser.add_argument("revision", metavar="REV", help="anything that git takes for a commit")
    parser.add_argument(
        "what", nargs=argparse.REMAINDER, help="a benchmark with its arguments, or an attnprobe command"
    )
    arguments = parser.parse_args()
    if not arguments.what:
        parser.error("name a benchmark, or a command that begins with attnprobe")
    with checked_out(arguments.revision) as tree:
        pairs = ratios(tree, ROOT, arguments.what, arguments.pairs)
    ratio = round(statistics.median(old / new for old, new in pairs), 3)
    figure = {
        "work": " ".join(arguments.what),
        "before": git("rev-parse", "--short", arguments.revision),
        "now": git("describe", "--always", "--dirty"),
        "pairs": len(pairs),
        "ratio": ratio,
        "ratios": [round(old / new, 3) for old, new in pairs],
        "seconds_before": round(statistics.median(old for old, _ in pairs), 3),
        "seconds_now": round(statistics.median(new for _, new in pairs), 3),
        "processor": processor(),
    }
    if arguments.json is not None:
        keep(arguments.json, figure)
    report("CPU seconds before / now", ratio, **{name: value for name, value in figure.items() if name != "ratio"})


if __name__ == "__main__":
    main()
