import os
import signal
import sys

import pytest

from attnprobe.base.errors import InputError
from attnprobe.execution import ray_actors
from attnprobe.execution.crew import OPENINGS
from attnprobe.execution.in_process import InProcess
from attnprobe.execution.ray_actors import RayActors
from attnprobe.execution.scheduling import carry_out
from tests.fixtures.commands import wait_until
from tests.fixtures.processes import any_alive, start_script
from tests.fixtures.works import REASONS, Writing, computed_by, expected, pieces_of, results

ray = pytest.importorskip("ray", reason="ray is not installed")
pytestmark = pytest.mark.usefixtures("token")

SCRIPT = """
import sys
from pathlib import Path

from attnprobe.execution.ray_actors import RayActors
from attnprobe.execution.scheduling import carry_out
from tests.fixtures.works import Writing, pieces_of

try:
    carry_out(Writing(Path(sys.argv[1]), {9: "sleep"}, seconds=0.05), pieces_of(400, 4), RayActors(2), print)
except KeyboardInterrupt:
    print("stopped")
    sys.exit(130)
"""


def refuse(line):
    raise AssertionError(line)


def workers_of(work):
    return [int(pid) for pid in work.log("opened")]


@pytest.fixture(scope="class")
def cluster(token):
    """One that is there before and after the runs: it takes seconds to start."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    before = signal.getsignal(signal.SIGTERM)
    ray.init("local", include_dashboard=False, num_cpus=2, object_store_memory=10**8, log_to_driver=False)
    signal.signal(signal.SIGTERM, before)
    yield
    ray.shutdown()


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
class TestOnACluster:
    @pytest.mark.parametrize("workers", [1, 2])
    def test_everything_is_done_once_by_workers_that_are_opened_once(self, tmp_path, workers):
        work, pieces, notes = Writing(tmp_path, seconds=0.01), pieces_of(20, 2), []
        assert carry_out(work, pieces, RayActors(workers), refuse, notes.append) == {}
        assert results(work, pieces) == expected(pieces)
        assert sorted(work.log("begun")) == sorted(f"{begin}-{end}" for begin, end in pieces)
        assert sorted(note.piece for note in notes) == pieces
        assert {note.worker for note in notes} <= set(range(workers))
        assert 1 <= len(workers_of(work)) <= workers
        wait_until(lambda: not any_alive(workers_of(work)), seconds=50)
        assert ray.is_initialized()

    def test_numbers_are_the_same_bytes_in_process_and_on_a_cluster(self, tmp_path, several_threads):
        texts = computed_by({"here": InProcess(), "cluster": RayActors(2)}, tmp_path)
        assert texts["here"] == texts["cluster"]

    def test_poison_is_left_out_and_nothing_else(self, tmp_path):
        troubles = {2: "raise", 5: "kill", 7: "panic", 9: "call exit", 14: "segfault"}
        work, pieces, lines = Writing(tmp_path, troubles), pieces_of(16, 2), []
        lost = carry_out(work, pieces, RayActors(2), lines.append)
        assert list(lost) == [(document, document + 1) for document in troubles]
        died = "the worker died"
        assert list(lost.values()) == [REASONS["raise"], died, REASONS["panic"], REASONS["call exit"], died]
        assert results(work, pieces) == expected(pieces, troubles)
        assert len(lines) == 4 * len(troubles)

    def test_documents_that_take_too_long_are_left_out_and_nothing_else(self, tmp_path):
        work, pieces, lines = Writing(tmp_path, {1: "stuck", 3: "sleep"}), pieces_of(5, 1), []
        lost = carry_out(work, pieces, RayActors(2, step_seconds=3), lines.append)
        assert lost == dict.fromkeys([(1, 2), (3, 4)], "it took longer than 3 s")
        assert results(work, [piece for piece in pieces if piece not in lost]) == expected([(0, 1), (2, 3), (4, 5)])
        assert len(lines) == 4

    def test_workers_killed_from_outside_are_replaced(self, tmp_path):
        work, pieces, lines = Writing(tmp_path, {4: "leave once"}, seconds=0.03), pieces_of(18, 3), []

        def kill_the_first(done):
            if len(lines) < 2:
                os.kill(workers_of(work)[-1], signal.SIGKILL)

        assert carry_out(work, pieces, RayActors(1), lines.append, kill_the_first) == {}
        assert results(work, pieces) == expected(pieces)
        assert len(workers_of(work)) >= 3

    def test_a_full_disk_stops_everyone_and_keeps_what_is_finished(self, tmp_path):
        work, pieces = Writing(tmp_path, {19: "disk full", 14: "sleep"}), pieces_of(40, 5)
        with pytest.raises(OSError, match="No space left on device") as raised:
            carry_out(work, pieces, RayActors(2), refuse)
        assert (raised.value.errno, raised.value.filename) == (28, str(tmp_path / "19"))
        wait_until(lambda: not any_alive(workers_of(work)), seconds=50)
        finished = [piece for piece in pieces if work.is_done(piece)]
        assert finished
        assert results(work, finished) == expected(finished)

    @pytest.mark.parametrize(
        ("trouble", "text", "openings"),
        [("input", "^opening is not what", 1), ("kill", "^No worker can be made ready .*the worker died.$", OPENINGS)],
    )
    def test_workers_that_cannot_open_the_work_end_the_run(self, tmp_path, trouble, text, openings):
        work = Writing(tmp_path, at_opening=trouble)
        with pytest.raises(InputError, match=text):
            carry_out(work, pieces_of(4, 1), RayActors(1), lambda line: None)
        assert len(workers_of(work)) == openings

    def test_workers_for_whom_there_is_no_room_hold_nothing_up(self, tmp_path):
        work, pieces = Writing(tmp_path, seconds=0.02), pieces_of(10, 1)
        assert carry_out(work, pieces, RayActors(5), refuse) == {}
        assert results(work, pieces) == expected(pieces)
        assert len(workers_of(work)) <= 2

    def test_no_room_for_any_worker_is_one_sentence_in_time(self, tmp_path, monkeypatch):
        monkeypatch.setattr(ray_actors, "SECONDS_WITHOUT_ROOM", 1.5)
        with pytest.raises(InputError, match=r"no room for a worker \(1 CPU and 1000 GPUs\)\.$"):
            carry_out(Writing(tmp_path), pieces_of(4, 1), RayActors(2, gpus_per_worker=1000), refuse)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals and /proc")
class TestOnOneOfItsOwn:
    def start(self, tmp_path):
        work = Writing(tmp_path)
        process = start_script(tmp_path / "script.py", SCRIPT, tmp_path)
        wait_until(lambda: process.poll() is not None or any(tmp_path.glob("*-*.txt")))
        wait_until(lambda: process.poll() is not None or "8-12" in work.log("begun"))
        assert process.poll() is None, process.communicate()
        return process, work

    def test_no_worker_outlives_a_killed_driver(self, tmp_path):
        process, work = self.start(tmp_path)
        process.kill()
        process.wait()
        wait_until(lambda: not any_alive(workers_of(work)), seconds=50)
        process.communicate()
        finished = [piece for piece in pieces_of(400, 4) if work.is_done(piece)]
        assert 0 < len(finished) < 100
        assert results(work, finished) == expected(finished)

    @pytest.mark.parametrize(("number", "whole_group"), [(signal.SIGINT, True), (signal.SIGTERM, False)])
    def test_an_interruption_stops_all_workers_quietly(self, tmp_path, number, whole_group):
        process, work = self.start(tmp_path)
        (os.killpg if whole_group else os.kill)(process.pid, number)
        out, err = process.communicate(timeout=50)
        assert (out, err, process.returncode) == ("stopped\n", "", 130)
        wait_until(lambda: not any_alive(workers_of(work)), seconds=50)


@pytest.mark.parametrize("address", ["127.0.0.1:1", "nonsense", "ray://127.0.0.1:1"])
def test_a_cluster_that_is_not_there_is_one_sentence(tmp_path, address):
    with pytest.raises(InputError, match=rf"^There is no Ray cluster to be had at '{address}': [^\n]+$"):
        carry_out(Writing(tmp_path), pieces_of(4, 1), RayActors(1, address), refuse)


def test_a_cluster_that_does_not_start_in_time_is_one_sentence(tmp_path, monkeypatch):
    def late(**_):
        raise Exception("The current node timed out during startup. This could happen.")

    monkeypatch.setattr(ray, "init", late)
    with pytest.raises(InputError, match=r"^There is no Ray cluster to be had at 'local': The current node timed out"):
        carry_out(Writing(tmp_path), pieces_of(4, 1), RayActors(1, None), refuse)


def test_a_sigterm_while_a_cluster_starts_is_an_interruption(tmp_path, monkeypatch):
    def terminated(**_):
        signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(number))  # as Ray does
        os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(ray, "init", terminated)
    with pytest.raises(KeyboardInterrupt):
        carry_out(Writing(tmp_path), pieces_of(4, 1), RayActors(1, None), refuse)
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("The actor died because its node has died. Node Id: 12", "the worker died (its machine was lost)"),
        ("Task was killed due to the node running low on memory.", "the worker died (its machine ran out of memory)"),
        (
            "The actor died because of an error raised in its creation task\n  ^^^^\nRuntimeError: failed to import\n\n"
            "ModuleNotFoundError: No module named 'attnprobe'",
            "the worker died (ModuleNotFoundError: No module named 'attnprobe')",
        ),
        ("The actor died unexpectedly.\nWorker exit type: SYSTEM_ERROR Worker exit detail: EOF", "the worker died"),
    ],
)
def test_a_death_has_its_cause_in_a_few_words(text, cause):
    assert ray_actors._cause_of_death(Exception(text)) == cause


def test_without_ray_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"^executor ray needs ray: pip install 'attnprobe\[ray\]'\.$"):
        RayActors(1)
