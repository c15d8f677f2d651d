"""Watching processes from outside."""

import subprocess
import sys
import time
from pathlib import Path

from tests.commands import ROOT, TIMEOUT, environment, heed_interruptions


def wait_until(condition, seconds=TIMEOUT):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.02)
    return found


def is_alive(pid):
    """Whether it computes; one that nobody has asked for its exit status does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] not in "ZX"


def any_alive(pids):
    return any(is_alive(pid) for pid in pids)


def start_script(path, text, *arguments):
    """A Python script at work, in a process group of its own."""
    path.write_text(text)
    return subprocess.Popen(
        [sys.executable, str(path), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=heed_interruptions,
        cwd=ROOT,
        env=environment(),
    )
