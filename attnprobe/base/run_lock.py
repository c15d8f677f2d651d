"""A run's folder is written by one process at a time, or by several that share a stage between them."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attnprobe.base.errors import InputError
from attnprobe.base.own_files import kind_of, open_own

try:
    import fcntl
except ImportError:  # Windows: nothing is locked there
    fcntl = None  # type: ignore[assignment]

LONGEST_NAME = 200
"""Bytes of what a lock's file says of its holder."""


@contextmanager
def locked(path: Path, folder: Path, *, shared: bool = False) -> Iterator[None]:
    """Hold the lock of a run's folder; the operating system gives it back if the process dies.

    Args:
        path: of the lock's file; made, with its folder, if need be.
        folder: for the message.
        shared: whether others may hold it too, if they share it as well.

    Raises:
        InputError: someone else holds it, or it is a link or no file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = open_own(path, os.O_RDWR | os.O_CREAT)
    try:
        _acquire(descriptor, folder, shared=shared)
        # Of a file with several names the others may be anyone's: it is locked, and neither read nor written.
        named = not shared and os.fstat(descriptor).st_nlink == 1
        if named:
            os.ftruncate(descriptor, 0)
            os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode())
        try:
            yield
        finally:
            if named:
                os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def is_held(path: Path) -> bool:
    """Whether someone holds a lock right now."""
    if fcntl is None or kind_of(path) is None:
        return False
    descriptor = open_own(path, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # a file system without locks
        return False
    finally:
        os.close(descriptor)
    return False


def _acquire(descriptor: int, folder: Path, *, shared: bool) -> None:
    if fcntl is None:
        return
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):  # a file system without locks: go on without
            return
        alone = os.fstat(descriptor).st_nlink == 1
        said = os.read(descriptor, LONGEST_NAME) if alone else b""
        holder = said.decode(errors="replace") or "several processes"
        raise InputError(
            f"{folder} is being written by another attnprobe ({holder}): wait for it, or stop it."
        ) from None
