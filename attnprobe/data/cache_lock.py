"""What goes into the cache folder is made by one process, while others that need it wait."""

from __future__ import annotations

import errno
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from attnprobe.base.errors import InputError
from attnprobe.base.own_files import open_own
from attnprobe.base.visible import visible
from attnprobe.data.cache_folder import CACHE_VARIABLE
from attnprobe.data.files.places import quoted

try:
    import fcntl
except ImportError:  # Windows: nothing is locked there
    fcntl = None  # type: ignore[assignment]

STALLED_SECONDS = 3600.0
"""After which a process is no longer waited for that makes no progress."""

POLL_SECONDS = 0.2
"""Between looks at the lock: to wait for it in the system would know no end, and no progress."""

TOUCH_SECONDS = 1.0
"""Between signs of progress."""

LONGEST_HOLDER = 400
"""Bytes that are read of who holds a lock."""


@contextmanager
def only_maker(folder: Path, name: str) -> Iterator[Callable[[], None]]:
    """Be the only process that makes a folder of the cache; whoever comes later waits, and says so.

    Within, look whether the folder is there by now. The operating system gives the lock back if the process dies. Where
    there are no locks, or the lock cannot be written, several processes may make the folder at once.

    Args:
        folder: what is made; the lock is a file beside it, which is gone afterwards.
        name: of the dataset, for those who wait.

    Yields:
        What is to be called now and then as the work goes on.

    Raises:
        InputError: another process holds the lock and has made no progress for ``STALLED_SECONDS``.
    """
    path = folder.with_name(f"{folder.name}.lock")
    descriptor = _acquired(path, name)
    touched = time.monotonic()

    def go_on() -> None:
        nonlocal touched
        if descriptor is not None and time.monotonic() - touched > TOUCH_SECONDS:
            touched = time.monotonic()
            with suppress(OSError):
                os.utime(descriptor)

    try:
        yield go_on
    finally:
        if descriptor is not None:
            with suppress(OSError):
                path.unlink()
            os.close(descriptor)


def _acquired(path: Path, name: str) -> int | None:
    """The lock, as an open file; None where there can be none."""
    if fcntl is None:
        return None
    holder = None
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = open_own(path, os.O_RDWR | os.O_CREAT)
        except OSError:  # a full or read-only disk, of which more is said when the folder is written
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _lies_at(descriptor, path):
                _sign(descriptor, name)
                return descriptor
            os.close(descriptor)  # of one who is done, and has removed it
        except OSError as error:
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                os.close(descriptor)
                return None  # a file system without locks
            holder = holder or _Holder(path, name)
            try:
                holder.look(descriptor)
            finally:
                os.close(descriptor)
            time.sleep(POLL_SECONDS)


def _lies_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


def _sign(descriptor: int, name: str) -> None:
    """Write who holds the lock."""
    since = time.strftime("%Y-%m-%d %H:%M:%S %z")
    with suppress(OSError):  # nobody can read then who it is
        os.ftruncate(descriptor, 0)
        of = f"process {os.getpid()} on {socket.gethostname()}, which has prepared {quoted(name)} since {since}"
        os.write(descriptor, of.encode())


class _Holder:
    """Who holds a lock that this process waits for, as far as it shows."""

    def __init__(self, path: Path, name: str) -> None:
        self._path, self._name = path, name
        self._seen: tuple[int, int] | None = None
        self._since = time.monotonic()
        self._told = False

    def look(self, descriptor: int) -> None:
        """Say once who it is; raise an InputError where no progress is seen for too long."""
        status = os.fstat(descriptor)
        seen = status.st_ino, status.st_mtime_ns
        if seen != self._seen:
            self._seen, self._since = seen, time.monotonic()
        who = os.pread(descriptor, LONGEST_HOLDER, 0).decode(errors="replace")
        if who and not self._told:
            print(visible(f"Waiting for {who} ({self._path})."), file=sys.stderr, flush=True)
            self._told = True
        if time.monotonic() - self._since > STALLED_SECONDS:
            raise InputError(
                f"{self._path}: {quoted(self._name)} cannot be prepared: {who or 'another process'} holds the lock and "
                f"has made no progress for {STALLED_SECONDS:,.0f} seconds; stop it, or let {CACHE_VARIABLE} name "
                "another folder."
            )
