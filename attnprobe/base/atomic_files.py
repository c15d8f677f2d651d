"""Files and folders that are there whole or not at all."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from attnprobe.base.errors import InputError
from attnprobe.base.own_files import WITHOUT_FOLLOWING, open_own
from attnprobe.base.run_layout import note_written

try:
    import fcntl
except ImportError:  # Windows: nothing is locked there
    fcntl = None  # type: ignore[assignment]

ABANDONED_SECONDS = 24 * 3600
"""After which what is temporary counts as abandoned where the file system has no locks."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path`` to write a file to; it takes ``path``'s place when all went well.

    What is written is on the disk before it does, so that a machine that stops leaves the old file or the new one.

    Raises:
        OSError: it cannot be written; it names ``path``.
    """
    note_written(path)
    with _errors_named(path), _held(path, _new_file) as temporary:
        yield temporary
        _sync(temporary)
        os.replace(temporary, path)


@contextmanager
def creating_folder(path: Path) -> Iterator[Path]:
    """A temporary folder beside ``path`` to fill; it becomes ``path`` when all went well.

    If someone else has made ``path`` meanwhile, theirs stays.

    Raises:
        OSError: it cannot be written; it names ``path``, or the file in it.
    """
    with _errors_named(path), _held(path, _new_folder) as temporary:
        yield temporary
        for name in os.listdir(temporary):
            note_written(path / name)
        try:
            os.rename(temporary, path)
        except OSError:
            if not path.is_dir():
                raise


def append_line(path: Path, line: str) -> None:
    """Add a line to a file, which is made if need be; of a file with several names this one gets a copy of its own.

    Raises:
        InputError: it is a link or no file.
        OSError: it cannot be written; it names ``path``.
    """
    note_written(path)
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT
    with _errors_named(path):
        file = os.fdopen(open_own(path, flags), "r+b", buffering=0)
        if os.fstat(file.fileno()).st_nlink > 1:
            with file, replacing(path) as temporary:
                temporary.write_bytes(file.read())
            file = os.fdopen(open_own(path, flags), "r+b", buffering=0)
        with file:
            _write_all(file.fileno(), line.encode() + b"\n")


def output_folder(folder: Path) -> None:
    """Make a folder for files, if need be; what killed processes left in it is removed.

    Raises:
        InputError: something else is there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise InputError(f"{folder} is no folder, and one is needed.") from None
    remove_leftovers(folder, deep=False)


def temporary_beside(path: Path) -> Path:
    """A new folder that nobody else sees into, called after ``path``; it is this process's as long as that lives."""
    temporary, _ = _made(path, _new_private_folder)
    return temporary


def remove_folder(path: Path) -> None:
    """Remove a folder, which is there whole until it is gone."""
    aside = _sibling(path)
    os.rename(path, aside)
    shutil.rmtree(aside, ignore_errors=True)


def remove_leftovers(folder: Path, name: str = ".+", *, deep: bool = True) -> None:
    """Remove the temporary files and folders that a killed process could not take away itself.

    Those that a living process is at work on stay: it holds a lock on each.

    Args:
        folder: where to look.
        name: of what they were made for, a pattern.
        deep: whether to look in the folders below, too.
    """
    temporary = re.compile(rf"\.{name}\.([0-9a-f]{{12}}|damaged-\d+)")
    for place, folders, files in os.walk(folder):
        for each in filter(temporary.fullmatch, [*folders, *files]):
            _remove_if_abandoned(Path(place, each))
        folders[:] = [each for each in folders if deep and not temporary.fullmatch(each)]


@contextmanager
def _errors_named(path: Path) -> Iterator[None]:
    """An error without a name is of this file: libraries that write it seldom say."""
    try:
        yield
    except OSError as error:
        named = str(error.filename or "")
        if named and not _SIBLING.search(named):
            raise
        where = _SIBLING.sub(lambda found: f"{found[1]}{found[2]}", named) if named else str(path)
        words = os.strerror(error.errno) if error.errno else str(error)
        raise OSError(error.errno, words, where) from error


@contextmanager
def _held(path: Path, make: Callable[[Path], object]) -> Iterator[Path]:
    """A temporary file or folder, which is gone at the end if it is still where it was made."""
    temporary, lock = _made(path, make)
    try:
        yield temporary
    finally:
        if make is _new_folder:
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            temporary.unlink(missing_ok=True)
        if lock is not None:
            os.close(lock)


def _made(path: Path, make: Callable[[Path], object]) -> tuple[Path, int | None]:
    """A temporary path beside ``path``, and a descriptor whose lock says that we are at work on it."""
    while True:
        temporary = _sibling(path)
        make(temporary)
        if fcntl is None:
            return temporary, None
        # Until it is locked, it looks abandoned, and may be taken away by another process that starts.
        with suppress(FileNotFoundError):
            lock = os.open(temporary, os.O_RDONLY | WITHOUT_FOLLOWING)
            with suppress(OSError):  # a file system without locks
                fcntl.flock(lock, fcntl.LOCK_EX)
            if temporary.exists():
                return temporary, lock
            os.close(lock)


def _new_file(path: Path) -> None:
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | WITHOUT_FOLLOWING, 0o666))


def _new_folder(path: Path) -> None:
    path.mkdir()


def _new_private_folder(path: Path) -> None:
    path.mkdir(mode=0o700)


def _remove_if_abandoned(path: Path) -> None:
    try:
        descriptor = os.open(path, os.O_RDONLY | WITHOUT_FOLLOWING)
    except OSError:  # gone, or a link, or someone else's
        return
    try:
        status = os.fstat(descriptor)
        if _is_abandoned(descriptor, status):
            if stat.S_ISDIR(status.st_mode):
                shutil.rmtree(path, ignore_errors=True)
            elif stat.S_ISREG(status.st_mode):
                with suppress(OSError):
                    path.unlink()
    finally:
        os.close(descriptor)


def _is_abandoned(descriptor: int, status: os.stat_result) -> bool:
    if fcntl is not None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            return False
        except OSError:  # a file system without locks
            pass
    return status.st_mtime < time.time() - ABANDONED_SECONDS


def _write_all(descriptor: int, content: bytes) -> None:
    """Write all of it or nothing: of a line that does not fit on the disk no half stays."""
    end = os.fstat(descriptor).st_size
    try:
        while content:
            content = content[os.write(descriptor, content) :]
    except OSError:
        os.ftruncate(descriptor, end)
        raise


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


_SIBLING = re.compile(r"(^|/)\.([^/]+)\.[0-9a-f]{12}(?=/|$)")


def _sibling(path: Path) -> Path:
    return path.with_name(f".{path.name}.{secrets.token_hex(6)}")
