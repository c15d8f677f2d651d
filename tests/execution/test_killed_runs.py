"""Processes are killed, disks are full: a run goes on from what is finished and ends with the same bytes.

The long version, twenty kills of all kinds, a pool and Ray:

    python -m pytest tests/execution/test_killed_runs.py -m slow
"""

import importlib.util
import os
import random
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from attnprobe.cli import main
from tests.fixtures.commands import AtWork, attnprobe
from tests.fixtures.probed_runs import ONE_WAY, copy_of, results, trained_run

DOCUMENTS = 4200
"""Three shards: a worker is killed before it has done one, whatever comes behind."""

LARGEST = 100_000
"""Bytes: no shard is so small."""

MANY = 20_000
"""Ten shards, for kills at any moment."""


def trained(folder, documents, *options):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        yield trained_run(folder, documents, *options)


def undisturbed(run):
    copy = copy_of(run, "whole")
    assert main(["probe", str(copy), "--workers", "1"]) == 0
    return results(copy)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    yield from trained(tmp_path_factory.mktemp("killed"), DOCUMENTS, *ONE_WAY)


@pytest.fixture(scope="module")
def whole(run):
    return undisturbed(run)


@pytest.fixture(scope="module")
def long_run(tmp_path_factory):
    yield from trained(tmp_path_factory.mktemp("killed-often"), MANY)


@pytest.fixture(scope="module")
def long_whole(long_run):
    return undisturbed(long_run)


def descendants(pid):
    """Processes that a process has started, and those that these have, with their parents."""
    found = []
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            try:
                parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            found.append((int(path.name), parent))
    below = {pid}
    for _ in range(5):
        below |= {child for child, parent in found if parent in below}
    return {child: parent for child, parent in found if parent in below}


def words(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def workers_of(pid):
    """A pool's or Ray's: forks of the command's server, not Ray's own agents, whose death is a machine's."""
    below = descendants(pid)
    forked = [each for each, parent in below.items() if below.get(parent) == pid and "/ray/" not in words(each)]
    return forked + [each for each in below if "ray::Actor" in words(each)]


def start(copy, *options):
    return AtWork("probe", copy, *options, cwd=copy, output=copy / "output")


def disturb(process, kind, moment):
    """Wait, then do something to a run; whether it was still at work."""
    time.sleep(moment)
    if process.poll() is not None:
        return False
    if kind == "worker":
        workers = workers_of(process.pid)
        if not workers:
            return False
        os.kill(random.Random(moment).choice(workers), signal.SIGKILL)
    else:
        process.send_signal(kind)
    return True


def wait_for_workers(process):
    """Until there is a worker, or the end."""
    while process.poll() is None and not workers_of(process.pid):
        time.sleep(0.02)


def survive(copy, disturbances, *options):
    """Disturb a run, start it again whenever that ended it; how many disturbances met it at work."""
    met = 0
    process = start(copy, *options)
    for kind, moment in disturbances:
        if process.poll() is not None:
            if process.poll() == 0:
                break
            process = start(copy, *options)
        wait_for_workers(process)
        met += disturb(process, kind, moment)
        if kind != "worker":
            process.wait()
            # 1: workers were killed three times in a row before any was ready, which it says, and goes on when asked.
            assert process.poll() in (-signal.SIGKILL, 130, 143, 0, 1)
    if process.wait() != 0:
        process = start(copy, *options)
        assert process.wait() == 0
    assert "Traceback" not in (copy / "output").read_text()
    return met


@pytest.mark.parametrize("kind", ["worker", signal.SIGKILL])
@pytest.mark.slow
def test_a_kill_costs_nothing_but_time(run, whole, kind):
    copy = copy_of(run, "once")
    assert survive(copy, [(kind, 0.1)], "--workers", "2") == 1
    assert results(copy) == whole


@pytest.mark.slow
@pytest.mark.parametrize("executor", ["pool", "ray"])
def test_twenty_kills_cost_nothing_but_time(long_run, long_whole, executor):
    if executor == "ray" and importlib.util.find_spec("ray") is None:
        pytest.skip("ray is not installed")
    generator = random.Random(7)
    met = rounds = 0
    while met < 20:
        rounds += 1
        assert rounds < 40
        copy = copy_of(long_run, f"often-{executor}")
        kinds = generator.choices(["worker", "worker", signal.SIGKILL, signal.SIGTERM, signal.SIGINT], k=4)
        met += survive(
            copy, [(kind, generator.uniform(0, 2)) for kind in kinds], "--workers", "2", "--executor", executor
        )
        assert results(copy) == long_whole


@pytest.mark.parametrize("workers", [pytest.param("1", marks=pytest.mark.slow), "2"])
def test_a_quota_is_one_sentence_and_what_is_finished_is_kept(run, whole, workers):
    copy = copy_of(run, "quota")
    status, _, errors = attnprobe("probe", copy, "--workers", workers, cwd=copy, largest_file=LARGEST)
    assert status == 1
    assert errors.count("\n") == 1
    assert re.search(r"/shards/000\d+-\d+\.\w+\.parquet: File too large\.$", errors.strip())
    assert not [file for file in copy.rglob("*") if file.name.startswith(".0")]
    assert not (copy / "documents.parquet").exists()
    assert main(["probe", str(copy)]) == 0
    assert results(copy) == whole


@pytest.mark.slow
def test_a_full_disk_is_one_sentence_and_what_is_finished_is_kept(run, whole, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no small disk can be mounted here")
    try:
        copy = disk / "seed-0"
        shutil.copytree(run, copy)
        status, _, errors = attnprobe("probe", copy, "--workers", "2", cwd=tmp_path)
        assert status == 1
        assert re.search(r"/seed-0/(shards/)?\w[\w.-]*: No space left on device\.$", errors.strip())
        assert errors.count("\n") == 1
        subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
        assert main(["probe", str(copy)]) == 0
        assert results(copy) == whole
    finally:
        subprocess.run(["umount", str(disk)], check=False)
