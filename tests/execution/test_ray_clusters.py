"""Workers, drivers and nodes of a Ray cluster die; it has two nodes, on loopback addresses of this machine."""

import os
import signal
import sys
import time

import pytest

from attnprobe.execution import ray_actors
from attnprobe.execution.in_process import InProcess
from attnprobe.execution.scheduling import carry_out
from tests.fixtures.commands import TIMEOUT, wait_until
from tests.fixtures.processes import any_alive, start_script
from tests.fixtures.works import Writing, expected, pieces_of, results

pytest.importorskip("ray", reason="ray is not installed")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("token"),
    pytest.mark.skipif(sys.platform != "linux", reason="signals, /proc and more than one loopback address"),
]

SCRIPT = """
import sys
from pathlib import Path

from attnprobe.execution.ray_actors import RayActors
from attnprobe.execution.scheduling import carry_out
from tests.fixtures.works import Writing, pieces_of

work = Writing(Path(sys.argv[1]), seconds=0.1)
assert carry_out(work, pieces_of(int(sys.argv[3]), 1), RayActors(2, sys.argv[2]), print) == {}
print("done")
"""

MANY = 600
"""Documents that take a minute: nothing of that is waited for."""


@pytest.fixture
def cluster(monkeypatch):
    """A head and another node, with room for one worker each."""
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    node = {"num_cpus": 1, "object_store_memory": 80_000_000}
    head = {**node, "include_dashboard": False, "node_ip_address": "127.0.0.2"}
    started = Cluster(initialize_head=True, head_node_args=head)
    started.add_node(**node, node_ip_address="127.0.0.3")
    yield started
    started.shutdown()


def drive(tmp_path, cluster, documents):
    """A driver whose two workers are both at work."""
    work = Writing(tmp_path)
    before = len(work.log("opened"))
    process = start_script(tmp_path / "script.py", SCRIPT, tmp_path, cluster.address, documents)
    wait_until(lambda: process.poll() is not None or len(work.log("opened")) == before + 2)
    done = len(list(tmp_path.glob("*-*.txt")))
    wait_until(lambda: process.poll() is not None or len(list(tmp_path.glob("*-*.txt"))) > done)
    assert process.poll() is None, process.communicate()
    return process, work


def workers_of(work):
    return [int(pid) for pid in work.log("opened")]


def assert_finished(process, work, documents):
    out, errors = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 0, errors
    *lines, last = out.splitlines()
    assert last == "done"
    pieces = pieces_of(documents, 1)
    assert results(work, pieces) == expected(pieces)
    return lines


def test_a_worker_that_dies_is_replaced(cluster, tmp_path):
    process, work = drive(tmp_path, cluster, 60)
    os.kill(workers_of(work)[0], signal.SIGKILL)
    (line,) = assert_finished(process, work, 60)
    assert line.endswith(": the worker died; again.")
    assert len(workers_of(work)) == 3


def test_a_node_that_dies_costs_nothing_that_is_done(cluster, tmp_path):
    process, work = drive(tmp_path, cluster, 60)
    (node,) = cluster.worker_nodes
    cluster.remove_node(node, allow_graceful=False)
    (line,) = assert_finished(process, work, 60)
    assert ": the worker died" in line
    assert line.endswith("; again.")


def test_a_driver_that_dies_leaves_no_worker_and_the_next_one_goes_on(cluster, tmp_path):
    process, work = drive(tmp_path, cluster, MANY)
    process.kill()
    process.communicate()
    wait_until(lambda: not any_alive(workers_of(work)))
    finished = sum(map(work.is_done, pieces_of(MANY, 1)))
    begun = len(work.log("begun"))
    assert 0 < finished < MANY
    process, work = drive(tmp_path, cluster, finished + 10)
    assert assert_finished(process, work, finished + 10) == []
    assert len(work.log("begun")) - begun <= 10 + 2  # what was under way when it died is done again


def test_a_head_that_dies_ends_the_driver_and_what_is_done_is_kept(cluster, tmp_path):
    process, work = drive(tmp_path, cluster, MANY)
    cluster.remove_node(cluster.head_node, allow_graceful=False)
    process.communicate(timeout=TIMEOUT)
    assert process.returncode != 0
    wait_until(lambda: not any_alive(workers_of(work)))
    finished = [piece for piece in pieces_of(MANY, 1) if work.is_done(piece)]
    assert 0 < len(finished) < MANY
    assert results(work, finished) == expected(finished)
    rest = pieces_of(len(finished) + 5, 1)
    assert carry_out(Writing(tmp_path), rest, InProcess(), print) == {}
    assert results(work, rest) == expected(rest)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_ends_a_driver_whose_cluster_is_dying(cluster, tmp_path, number):
    process, work = drive(tmp_path, cluster, MANY)
    cluster.remove_node(cluster.head_node, allow_graceful=False)
    os.kill(process.pid, number)
    began = time.monotonic()
    process.communicate(timeout=TIMEOUT)
    assert time.monotonic() - began < 2 * ray_actors.SECONDS_TO_LEAVE
    assert process.returncode != 0
    wait_until(lambda: not any_alive(workers_of(work)))
