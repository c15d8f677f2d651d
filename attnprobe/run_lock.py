"""A run's folder is written by one process at a time, or by several that share a stage between them."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attnprobe.errors import InputError

try:
    import fcntl
except ImportError:  # Windows: nothing is locked there
    fcntl = None  # type: ignore[assignment]


@contextmanager
def locked(path: Path, folder: Path, *, shared: bool = False) -> Iterator[None]:
    """Hold the lock of a run's folder; the operating system gives it back if the process dies.

    Args:
        path: of the lock's file; made, with its folder, if need be.
        folder: for the message.
        shared: whether others may hold it too, if they share it as well.

    Raises:
        InputError: someone else holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:
        _acquire(file.fileno(), path, folder, shared=shared)
        if not shared:
            file.truncate(0)
            file.write(f"process {os.getpid()} on {socket.gethostname()}")
            file.flush()
        try:
            yield
        finally:
            if not shared:
                file.truncate(0)


def _acquire(descriptor: int, path: Path, folder: Path, *, shared: bool) -> None:
    if fcntl is None:
        return
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):  # a file system without locks: go on without
            return
        holder = path.read_text(encoding="utf-8", errors="replace") or "several processes"
        raise InputError(
            f"{folder} is being written by another attnprobe ({holder}): wait for it, or stop it."
        ) from None
