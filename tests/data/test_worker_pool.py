import os
import signal
import subprocess
import sys
import time

import pytest

from attnprobe.base.errors import InputError
from attnprobe.data.tokens.worker_pool import map_in_processes
from tests.fixtures.commands import TIMEOUT, heed_interruptions

INTERRUPTED = """
import time
from attnprobe.data.tokens.worker_pool import map_in_processes
from attnprobe.base.errors import InputError

try:
    print("begun", flush=True)
    for _ in map_in_processes(time.sleep, [0.2] * 100, 2):
        pass
except KeyboardInterrupt:
    print("stopped")
"""


def test_order_is_that_of_the_chunks():
    assert list(map_in_processes(abs, range(-20, 0), 2)) == list(range(20, 0, -1))


def test_an_error_comes_through():
    with pytest.raises(ValueError, match="invalid literal"):
        list(map_in_processes(int, ["1", "x"], 1))


def killed_once(marker):
    if not os.path.exists(marker):
        with open(marker, "x"):
            os.kill(os.getpid(), signal.SIGKILL)
    return marker


def killed_always(_):
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_what_a_killed_process_was_at_is_done_again(tmp_path):
    markers = [str(tmp_path)] * 7 + [str(tmp_path / "first time")] + [str(tmp_path)] * 7
    assert list(map_in_processes(killed_once, markers, 2)) == markers
    assert (tmp_path / "first time").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_processes_that_are_always_killed():
    with pytest.raises(InputError, match="were killed 3 times; is there enough memory"):
        list(map_in_processes(killed_always, range(5), 2))


@pytest.mark.skipif(sys.platform == "win32", reason="process groups")
@pytest.mark.parametrize("delay", [0.15, 0.8])
def test_an_interruption_of_the_whole_group_is_quiet(delay):
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=heed_interruptions,
    )
    assert process.stdout.readline() == "begun\n"
    time.sleep(delay)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=TIMEOUT)
    assert (out, err, process.returncode) == ("stopped\n", "", 0)
