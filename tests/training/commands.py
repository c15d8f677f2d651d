"""Trainings in processes of their own, on planted documents: in peace, killed, and by several ranks."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import safetensors.torch

from tests.commands import COMMAND, TIMEOUT, environment

TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "attnprobe"]


def start(cwd, *arguments, command=COMMAND, **variables):
    """A training as a process, whose lines can be read as they come."""
    return subprocess.Popen(
        [*command, "train", "--device", "cpu", *map(str, arguments)],
        cwd=cwd,
        env=environment(XDG_CACHE_HOME=str(cwd / "cache"), ATTNPROBE_CACHE=str(cwd / "cache"), **variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def start_two_ranks(cwd, *arguments):
    """A training in two processes, as torchrun would start them."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    return [
        start(cwd, *arguments, RANK=str(rank), WORLD_SIZE="2", MASTER_ADDR="localhost", MASTER_PORT=str(port))
        for rank in range(2)
    ]


def finish(process):
    """Exit status, standard output, standard error."""
    out, errors = process.communicate(timeout=TIMEOUT)
    return process.returncode, out, errors


def train(cwd, *arguments, command=COMMAND):
    """Train to the end: what was said."""
    status, out, errors = finish(start(cwd, *arguments, command=command))
    assert status == 0, errors
    return out


def kill(process):
    """It and what it has started."""
    for child in children(process):
        os.kill(child, signal.SIGKILL)
    process.kill()
    process.communicate(timeout=TIMEOUT)


def rank_of(process, rank):
    """The number of the process that is this rank of a training that torchrun has started."""
    (found,) = [child for child, variables in children(process).items() if f"RANK={rank}".encode() in variables]
    return found


def children(process):
    """The numbers of the processes that it has started, and their environments."""
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended meanwhile, or is not ours
            if int((path / "stat").read_text().rpartition(")")[2].split()[1]) == process.pid:
                found[int(path.name)] = (path / "environ").read_bytes().split(b"\0")
    return found


def weights(folder):
    """The trained model's."""
    return safetensors.torch.load_file(folder / "model.safetensors")
