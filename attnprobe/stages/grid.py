"""Run a grid: each run in a process of its own with one thread, as many at a time as there are cores.

On a CPU two models side by side with a thread each are faster than one with two threads, and one thread gives the same
numbers whatever else is at work.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor, as_completed
from pathlib import Path
from threading import Lock
from time import perf_counter, sleep

from attnprobe.base.errors import FailedError, InputError
from attnprobe.base.exit_status import DOCUMENTS_LEFT_OUT
from attnprobe.base.own_files import open_own, own_folder
from attnprobe.base.run_layout import begin_manifest, note_written
from attnprobe.base.run_lock import is_held
from attnprobe.base.stopping import STOPS_WITH_INPUT
from attnprobe.runs.run_folder import RunFolder
from attnprobe.settings.grid_files import GridRun
from attnprobe.settings.run_settings import RunSettings

LOG = "run.log"

SECONDS_TO_END = 60.0
"""That a run has to end whose grid was killed, before it is taken for someone else's."""

OUTCOMES = {
    0: "done in {seconds:.0f} s",
    DOCUMENTS_LEFT_OUT: "done in {seconds:.0f} s, without some documents: see {log}",
}
"""What is said of a run that is done, by its exit status."""


def run_grid(runs: Sequence[GridRun], out: Path, jobs: int, machine: Sequence[str], say: Callable[[str], None]) -> int:
    """Run what is not finished of a grid.

    Args:
        runs: the grid.
        out: where run folders go.
        jobs: how many runs at a time.
        machine: further arguments of ``attnprobe run``.
        say: told of each run that ends, and of the time left.

    Returns:
        How many of the runs that were done now had to leave documents out.

    Raises:
        InputError: a run's folder cannot be used, or is that of another run of the grid.
        FailedError: a run failed; all others are done nevertheless.
    """
    folders = {run: _folder(run, out) for run in runs}
    _check_apart({run: folder.path for run, (folder, _) in folders.items()})
    missing = [run for run in runs if not folders[run][1]]
    finished = len(runs) - len(missing)
    say(f"{len(runs)} run{'s' * (len(runs) != 1)}, {finished} of them finished before; {jobs} at a time.")
    started, incomplete = perf_counter(), 0
    failed: list[GridRun] = []
    processes = _Processes()
    with ThreadPoolExecutor(jobs) as pool:
        futures = {pool.submit(_run, run, folders[run][0], out, machine, processes): run for run in missing}
        try:
            for number, future in enumerate(as_completed(futures), start=1):
                run, (status, seconds) = futures[future], future.result()
                left = (perf_counter() - started) / number * (len(missing) - number) / 60
                outcome = OUTCOMES.get(status, "failed, see {log}").format(
                    seconds=seconds, log=folders[run][0].path / LOG
                )
                say(f"[{number}/{len(missing)}] {run.name}: {outcome}; about {left:.0f} minutes left.")
                failed += [run] * (status not in OUTCOMES)
                incomplete += status == DOCUMENTS_LEFT_OUT
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            processes.stop()
            raise
    if failed:
        raise FailedError(f"{len(failed)} of {len(runs)} runs failed: {', '.join(run.name for run in failed)}.")
    return incomplete


def _folder(run: GridRun, out: Path) -> tuple[RunFolder, bool]:
    """A run's folder, and whether the run is finished there."""
    settings = run.settings()
    folder = RunFolder.of(out, settings)
    folder.check()
    return folder, folder.is_finished(settings) if run.probed else _is_trained(folder, settings)


def _check_apart(folders: Mapping[GridRun, Path]) -> None:
    """Raise where two runs would be made in one folder, whose name does not tell what they differ in."""
    first: dict[Path, GridRun] = {}
    for run, path in folders.items():
        other = first.setdefault(path, run)
        if other is not run:
            raise InputError(f"{path}: {other.name} and {run.name} would both be made here; these want an --out each.")


def _is_trained(folder: RunFolder, settings: RunSettings) -> bool:
    try:
        present = folder.read_configuration().settings
    except InputError:
        return False
    return present == settings and (folder.model.exists() or folder.checkpoint.exists())


def _run(
    run: GridRun, folder: RunFolder, out: Path, machine: Sequence[str], processes: _Processes
) -> tuple[int, float]:
    """Exit status and seconds of one run; what it says goes into its folder."""
    alone = ["--workers", "1"] if run.probed else []  # runs are side by side as it is
    command = [sys.executable, "-m", "attnprobe", *run.command(), "--out", str(out), *machine, *alone]
    own_folder(folder.path, folder.within)
    started = perf_counter()
    _await_end_of_former(folder)
    begin_manifest(folder.path)
    note_written(folder.path / LOG)
    log = open_own(folder.path / LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        process = processes.start(command, log)
    finally:
        os.close(log)
    return process.wait(), perf_counter() - started


def _await_end_of_former(folder: RunFolder) -> None:
    """A run of a grid that was killed ends by itself, a moment after it."""
    deadline = perf_counter() + SECONDS_TO_END
    while is_held(folder.lock) and perf_counter() < deadline:
        sleep(0.1)


class _Processes:
    """The processes of a grid: they end with it, in whatever way that ends, and none is started afterwards."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._stopped = False
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self, command: Sequence[str], log: int) -> subprocess.Popen[bytes]:
        """Start one whose input ends with this process, which it heeds (``stopping.stop_with_input``)."""
        environment = {**os.environ, "OMP_NUM_THREADS": "1", STOPS_WITH_INPUT: "1"}
        with self._lock:
            if self._stopped:
                raise CancelledError
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT, env=environment
            )
            self._processes.append(process)
        return process

    def stop(self) -> None:
        """Ask all to stop."""
        with self._lock:
            self._stopped = True
            for process in self._processes:
                process.terminate()
