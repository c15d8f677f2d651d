import os
import signal
import subprocess
import sys
import time

import pytest

from attnprobe.base.errors import InputError
from attnprobe.execution.crew import OPENINGS
from attnprobe.execution.in_process import InProcess
from attnprobe.execution.process_pool import ProcessPool
from attnprobe.execution.scheduling import carry_out
from tests.fixtures.commands import wait_until
from tests.fixtures.processes import any_alive, is_alive, start_script
from tests.fixtures.works import REASONS, Writing, computed_by, expected, pieces_of, results

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and /proc")

SCRIPT = """
import sys
from pathlib import Path

from attnprobe.execution.process_pool import ProcessPool
from attnprobe.execution.scheduling import carry_out
from tests.fixtures.works import Writing, pieces_of

print("run", flush=True)  # by a worker, too, if it ran the script
try:
    carry_out(Writing(Path(sys.argv[1]), {9: "sleep"}, seconds=0.05), pieces_of(400, 4), ProcessPool(2), print)
except KeyboardInterrupt:
    print("stopped")
    sys.exit(130)
"""


def refuse(line):
    raise AssertionError(line)


def workers_of(work):
    return [int(pid) for pid in work.log("opened")]


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_everything_is_done_once_by_workers_that_are_opened_once(tmp_path, workers):
    work, pieces, notes = Writing(tmp_path, seconds=0.01), pieces_of(20, 2), []
    assert carry_out(work, pieces, ProcessPool(workers), refuse, notes.append) == {}
    assert results(work, pieces) == expected(pieces)
    assert sorted(work.log("begun")) == sorted(f"{begin}-{end}" for begin, end in pieces)
    assert sorted(note.piece for note in notes) == pieces
    assert {note.worker for note in notes} <= set(range(workers))
    assert 1 <= len(workers_of(work)) <= workers
    assert not any_alive(workers_of(work))


def test_numbers_are_the_same_bytes_in_process_and_in_a_pool(tmp_path, several_threads):
    texts = computed_by({"here": InProcess(), "pool": ProcessPool(2)}, tmp_path)
    assert texts["here"] == texts["pool"]


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.samples(1)
def test_poison_of_every_kind_is_left_out_and_nothing_else(tmp_path, workers):
    troubles = {2 + 4 * number: kind for number, kind in enumerate(REASONS)}
    work, pieces, lines = Writing(tmp_path, troubles), pieces_of(30, 4), []
    lost = carry_out(work, pieces, ProcessPool(workers), lines.append)
    assert lost == {(document, document + 1): REASONS[kind] for document, kind in troubles.items()}
    assert list(lost) == sorted(lost)
    assert results(work, pieces) == expected(pieces, troubles)
    # Twice each: four documents, the two of them, the one.
    assert len(lines) == 6 * len(troubles)
    assert not any_alive(workers_of(work))


def test_a_death_that_does_not_come_again_loses_nothing(tmp_path):
    work = Writing(tmp_path, {1: "kill once", 4: "leave once", 7: "raise once", 11: "segfault once"})
    pieces, lines = pieces_of(12, 3), []
    assert carry_out(work, pieces, ProcessPool(2), lines.append) == {}
    assert results(work, pieces) == expected(pieces)
    assert len(lines) == 4
    assert all(line.endswith("; again.") for line in lines)


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_killed_from_outside_are_replaced(tmp_path, workers):
    work, pieces, lines, killed = Writing(tmp_path, seconds=0.03), pieces_of(30, 3), [], []

    def kill_the_latest(done):
        latest = workers_of(work)[-1]
        if len(killed) < 3 and is_alive(latest):
            os.kill(latest, signal.SIGKILL)
            killed.append(latest)

    assert carry_out(work, pieces, ProcessPool(workers), lines.append, kill_the_latest) == {}
    assert results(work, pieces) == expected(pieces)
    if workers == 1:
        assert len(workers_of(work)) == 1 + len(killed) == 4
    assert all("the worker died (signal 9); " in line for line in lines)
    assert not any("left out" in line for line in lines)


def test_a_worker_whose_accelerator_is_broken_is_given_no_other_document(tmp_path):
    work, pieces, lines = Writing(tmp_path, {2: "break accelerator"}), pieces_of(6, 1), []
    lost = carry_out(work, pieces, ProcessPool(1), lines.append)
    assert list(lost) == [(2, 3)]
    assert lost[2, 3].startswith("AcceleratorError: CUDA error")
    assert len(lines) == 2
    assert all(work.is_done(piece) for piece in pieces if piece not in lost)
    assert len(workers_of(work)) == 3


def test_a_full_disk_stops_everyone_at_once_and_keeps_what_is_finished(tmp_path):
    work, pieces = Writing(tmp_path, {19: "disk full", 14: "sleep"}, seconds=0.01), pieces_of(40, 5)
    began = time.monotonic()
    with pytest.raises(OSError, match="No space left on device") as raised:
        carry_out(work, pieces, ProcessPool(2), refuse)
    assert time.monotonic() - began < 40
    assert (raised.value.errno, raised.value.filename) == (28, str(tmp_path / "19"))
    assert not any_alive(workers_of(work))
    finished = [f"{begin}-{end}" for begin, end in pieces if work.is_done((begin, end))]
    assert finished
    assert not list(tmp_path.glob(".*"))
    healthy = Writing(tmp_path)
    assert carry_out(healthy, pieces, ProcessPool(2), refuse) == {}
    assert results(healthy, pieces) == expected(pieces)
    assert all(healthy.log("begun").count(piece) == 1 for piece in finished)


@pytest.mark.parametrize(
    ("trouble", "kind", "text", "openings"),
    [
        ("input", InputError, "^opening is not what it should be.$", 1),
        ("disk full", OSError, "No space left on device", 1),
        ("kill", InputError, r"^No worker can be made ready .*the worker died \(signal 9\)\.$", OPENINGS),
        ("memory", InputError, r"^No worker can be made ready .*MemoryError\.$", OPENINGS),
    ],
)
def test_workers_that_cannot_open_the_work_end_the_run(tmp_path, trouble, kind, text, openings):
    work = Writing(tmp_path, at_opening=trouble)
    with pytest.raises(kind, match=text):
        carry_out(work, pieces_of(4, 1), ProcessPool(1), lambda line: None)
    assert len(workers_of(work)) == openings
    assert not any_alive(workers_of(work))
    assert work.log("begun") == []


def test_a_worker_that_could_not_open_the_work_at_first_is_no_documents_fault(tmp_path):
    work, pieces, lines = Writing(tmp_path, at_opening="kill once"), pieces_of(4, 1), []
    assert carry_out(work, pieces, ProcessPool(1), lines.append) == {}
    assert results(work, pieces) == expected(pieces)
    assert lines == ["Worker 1 could not be made ready: the worker died (signal 9); again."]
    assert len(work.log("begun")) == len(pieces)


def test_an_input_error_of_a_piece_is_one_here(tmp_path):
    with pytest.raises(InputError, match=r"^1 is not what it should be\.$"):
        carry_out(Writing(tmp_path, {1: "input"}), pieces_of(4, 2), ProcessPool(2), refuse)


def test_a_pool_can_be_used_again(tmp_path):
    pool, pieces = ProcessPool(2), pieces_of(4, 2)
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        assert carry_out(Writing(tmp_path / name), pieces, pool, refuse) == {}
        assert results(Writing(tmp_path / name), pieces) == expected(pieces)


def start(tmp_path):
    """A driver with two workers, one of them in the midst of a piece that takes a minute: nobody waits for it below."""
    work = Writing(tmp_path)
    process = start_script(tmp_path / "script.py", SCRIPT, tmp_path)
    wait_until(lambda: process.poll() is not None or any(tmp_path.glob("*-*.txt")))
    wait_until(lambda: process.poll() is not None or "8-12" in work.log("begun"))
    assert process.poll() is None, process.communicate()
    return process, work


def test_no_worker_outlives_a_killed_driver_and_a_new_one_goes_on(tmp_path):
    process, work = start(tmp_path)
    process.kill()
    process.wait()
    wait_until(lambda: not any_alive(workers_of(work)), seconds=50)
    process.communicate()
    pieces = pieces_of(400, 4)
    finished = [piece for piece in pieces if work.is_done(piece)]
    assert 0 < len(finished) < len(pieces)
    begun = work.log("begun")
    assert carry_out(work, pieces, ProcessPool(2), refuse) == {}
    assert results(work, pieces) == expected(pieces)
    assert not {f"{begin}-{end}" for begin, end in finished} & set(work.log("begun")[len(begun) :])


@pytest.mark.parametrize(("number", "whole_group"), [(signal.SIGINT, True), (signal.SIGTERM, False)])
def test_an_interruption_stops_all_workers_quietly(tmp_path, number, whole_group):
    process, work = start(tmp_path)
    (os.killpg if whole_group else os.kill)(process.pid, number)
    out, err = process.communicate(timeout=50)
    assert (out, err, process.returncode) == ("run\nstopped\n", "", 130)
    assert not any_alive(workers_of(work))
    assert not list(tmp_path.glob(".*"))


def test_sigterm_to_everyone_is_one_interruption(tmp_path):
    process, work = start(tmp_path)
    os.killpg(process.pid, signal.SIGTERM)
    out, err = process.communicate(timeout=50)
    assert (out, err, process.returncode) == ("run\nstopped\n", "", 130)
    assert not any_alive(workers_of(work))


SWALLOWED = """
import os, signal, sys, time
from attnprobe.execution.process_pool import _leave_signals_to_parent

class Last:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.2)  # the handler runs here, where no exception gets out

_leave_signals_to_parent()
try:
    last = Last()
    del last
    time.sleep(60)
except KeyboardInterrupt:
    print("stopped")
"""


def test_a_worker_told_to_stop_where_no_exception_gets_out_stops_all_the_same():
    done = subprocess.run([sys.executable, "-c", SWALLOWED], capture_output=True, text=True, timeout=50, check=False)
    assert (done.stdout.strip(), done.stderr) == ("stopped", "")
