"""Run a grid: each run in a process of its own with one thread, as many at a time as there are cores.

On a CPU two models side by side with a thread each are faster than one with two threads, and one thread gives the same
numbers whatever else is at work.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from time import perf_counter

from attnprobe.configuration import RunSettings
from attnprobe.errors import InputError
from attnprobe.experiments import GridRun
from attnprobe.runs import RunFolder

LOG = "run.log"


def run_grid(runs: Sequence[GridRun], out: Path, jobs: int, machine: Sequence[str], say: Callable[[str], None]) -> None:
    """Run what is not finished of a grid.

    Args:
        runs: the grid.
        out: where run folders go.
        jobs: how many runs at a time.
        machine: further arguments of ``attnprobe run``.
        say: told of each run that ends, and of the time left.

    Raises:
        InputError: a run failed; all others are done nevertheless.
    """
    folders = {run: _folder(run, out) for run in runs}
    missing = [run for run in runs if not folders[run][1]]
    finished = len(runs) - len(missing)
    say(f"{len(runs)} run{'s' * (len(runs) != 1)}, {finished} of them finished before; {jobs} at a time.")
    started, failed = perf_counter(), []
    processes: list[subprocess.Popen[bytes]] = []
    with ThreadPoolExecutor(jobs) as pool:
        futures = {pool.submit(_run, run, folders[run][0], out, machine, processes): run for run in missing}
        try:
            for number, future in enumerate(as_completed(futures), start=1):
                run, (status, seconds) = futures[future], future.result()
                left = (perf_counter() - started) / number * (len(missing) - number) / 60
                outcome = f"done in {seconds:.0f} s" if status == 0 else f"failed, see {folders[run][0].path / LOG}"
                say(f"[{number}/{len(missing)}] {run.name}: {outcome}; about {left:.0f} minutes left.")
                failed += [run] * (status != 0)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in processes:
                process.terminate()
            raise
    if failed:
        raise InputError(f"{len(failed)} of {len(runs)} runs failed: {', '.join(run.name for run in failed)}.")


def _folder(run: GridRun, out: Path) -> tuple[RunFolder, bool]:
    """A run's folder, and whether the run is finished there."""
    settings = run.settings()
    folder = RunFolder.of(out, settings)
    return folder, folder.is_finished(settings) if run.probed else _is_trained(folder, settings)


def _is_trained(folder: RunFolder, settings: RunSettings) -> bool:
    try:
        present = folder.read_configuration().settings
    except InputError:
        return False
    return present == settings and (folder.model.exists() or folder.checkpoint.exists())


def _run(
    run: GridRun, folder: RunFolder, out: Path, machine: Sequence[str], processes: list[subprocess.Popen[bytes]]
) -> tuple[int, float]:
    """Exit status and seconds of one run; what it says goes into its folder."""
    alone = ["--workers", "1"] if run.probed else []  # runs are side by side as it is
    command = [sys.executable, "-m", "attnprobe", *run.command(), "--out", str(out), *machine, *alone]
    folder.path.mkdir(parents=True, exist_ok=True)
    started = perf_counter()
    with (folder.path / LOG).open("ab") as log:
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=environment
        )
        processes.append(process)
        return process.wait(), perf_counter() - started
