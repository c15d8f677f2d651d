"""Of several processes on an empty cache one tokenises; the others wait for it, and for none that has died or hangs."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from attnprobe.base.errors import InputError
from attnprobe.data import cache_lock
from attnprobe.data.cache_lock import only_maker
from tests.fixtures.commands import TIMEOUT, environment
from tests.fixtures.dataset_folders import write_folder

ROWS = [(label, f"Text number {i} of {label}. It has two sentences.") for i in range(10) for label in "ab"]

LOADS = """
import os, sys, time
from attnprobe.data import stored_dataset
from attnprobe.data.datasets import load_dataset
folder, log, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
make = stored_dataset._make
def counted(*arguments):
    with open(log, "a") as file:
        file.write(f"{os.getpid()}\\n")
    time.sleep(1)
    make(*arguments)
stored_dataset._make = counted
stored_dataset.tokeniser_version(), stored_dataset.tokenise_texts(["a"])
children = []
for number in range(count):
    children.append(os.fork())
    if not children[-1]:
        os.dup2(os.open(f"{log}-{number}", os.O_WRONLY | os.O_CREAT), 2)
        fingerprint = load_dataset(folder).fingerprint
        print(fingerprint, file=sys.stderr, flush=True)
        os._exit(0)
sys.exit(sum(os.waitpid(child, 0)[1] for child in children) != 0)
"""
"""Several processes that have imported everything before they part, and start on the dataset at the same time."""


@pytest.fixture
def folder(tmp_path, own_cache):
    return write_folder(tmp_path / "texts", train=ROWS, test=ROWS)


def test_four_processes_on_an_empty_cache_tokenise_once(folder, tmp_path, own_cache):
    log = tmp_path / "log"
    subprocess.run(
        [sys.executable, "-c", LOADS, str(folder), str(log), "4"], env=environment(), check=True, timeout=TIMEOUT
    )
    (maker,) = log.read_text().split()
    said = [Path(f"{log}-{number}").read_text().splitlines() for number in range(4)]
    assert len({lines[-1] for lines in said}) == 1
    waited = [lines[0] for lines in said if len(lines) > 1]
    assert waited
    assert all(f"Waiting for process {maker} on " in line and "'texts'" in line for line in waited)
    (store,) = (own_cache / "tokenised").iterdir()
    assert store.is_dir()


HOLDS = """
import sys, time
from pathlib import Path
from attnprobe.data.cache_lock import only_maker
with only_maker(Path(sys.argv[1]), "films"):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def held(tmp_path):
    """A folder that another process makes, and that process."""
    folder = tmp_path / "cache" / "made"
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(folder)], env=environment(), stdout=subprocess.PIPE, text=True
    )
    process.stdout.readline()
    yield folder, process
    process.kill()
    process.communicate()


def test_a_maker_that_dies_is_followed_by_one_that_waits(held, capsys, monkeypatch):
    folder, process = held
    looks = []

    def sleep(seconds):
        looks.append(seconds)
        if len(looks) == 3:
            process.kill()
            process.wait()

    monkeypatch.setattr(time, "sleep", sleep)
    with only_maker(folder, "films"):
        assert len(looks) == 3
    assert f"Waiting for process {process.pid} on {socket.gethostname()}" in capsys.readouterr().err
    assert not list(folder.parent.iterdir())


def test_who_waits_can_be_interrupted_at_once(held):
    folder, process = held

    def interrupt(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    started = time.monotonic()
    try:
        with pytest.raises(KeyboardInterrupt), only_maker(folder, "films"):
            raise AssertionError("two hold it")
    finally:
        signal.signal(signal.SIGALRM, before)
    assert time.monotonic() - started < TIMEOUT
    assert process.poll() is None
    assert [path.name for path in folder.parent.iterdir()] == ["made.lock"]


def test_a_maker_that_makes_no_progress_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(cache_lock, "STALLED_SECONDS", 0.3)
    monkeypatch.setattr(cache_lock, "POLL_SECONDS", 0.01)
    made = tmp_path / "cache" / "made"
    with only_maker(made, "films"), pytest.raises(InputError) as refused, only_maker(made, "films"):
        raise AssertionError("two hold it")
    sentence = str(refused.value)
    assert f"process {os.getpid()} on {socket.gethostname()}, which has prepared 'films' since 2" in sentence
    assert str(made) in sentence
    assert "no progress" in sentence
    assert capsys.readouterr().err.count("Waiting for process") == 1
    assert not list(made.parent.iterdir())


def test_a_maker_that_goes_on_is_waited_for(tmp_path, monkeypatch):
    """However long it takes in all."""
    monkeypatch.setattr(cache_lock, "STALLED_SECONDS", 5)
    monkeypatch.setattr(cache_lock, "TOUCH_SECONDS", 0)
    looks = []

    def sleep(seconds):
        """Half of what is too long passes between looks, and the maker goes on, five times."""
        looks.append(seconds)
        now[0] += 3
        if len(looks) < 6:
            go_on()
        else:
            maker.__exit__(None, None, None)

    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    maker = only_maker(tmp_path / "made", "films")
    go_on = maker.__enter__()
    monkeypatch.setattr(time, "sleep", sleep)
    with only_maker(tmp_path / "made", "films"):
        pass
    assert len(looks) == 6


@pytest.mark.parametrize("name", ["a\x1b[31m\nb", "x" * 100_000, "東京"])
def test_the_name_of_a_dataset_steers_no_terminal_of_those_who_wait(tmp_path, monkeypatch, capsys, name):
    monkeypatch.setattr(cache_lock, "STALLED_SECONDS", 0.02)
    monkeypatch.setattr(cache_lock, "POLL_SECONDS", 0.01)
    with only_maker(tmp_path / "made", name), pytest.raises(InputError), only_maker(tmp_path / "made", name):
        pass
    (line,) = capsys.readouterr().err.splitlines()
    assert line.isprintable()
    assert len(line) < 1000


def test_without_a_place_for_a_lock_nobody_waits(tmp_path, monkeypatch):
    def refuse(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache_lock, "open_own", refuse)
    with only_maker(tmp_path / "made", "films") as go_on, only_maker(tmp_path / "made", "films"):
        go_on()
