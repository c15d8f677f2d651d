"""Files that the user names, or that lie in a folder of anyone's: opened if they are files, and read up to a limit."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

from attnprobe.base.errors import InputError
from attnprobe.base.own_files import FILE, kind_of_mode

_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
"""Nobody is waited for, who may be at the other end of a pipe."""

_BLOCK_BYTES = 1 << 20


def open_plain(path: Path, *, buffering: int = -1) -> BinaryIO:
    """A file opened to be read in bytes; links that lead to one are followed.

    Args:
        path: of the file.
        buffering: as of ``open``; 0 for none.

    Raises:
        InputError: a pipe, a socket, a device or a folder lies there.
        OSError: it is not there, or may not be read.
    """
    _require_file(path, os.stat(path).st_mode)
    descriptor = os.open(path, _FLAGS)
    try:
        _require_file(path, os.fstat(descriptor).st_mode)  # it may be another one since
    except BaseException:
        os.close(descriptor)
        raise
    return open(descriptor, "rb", buffering=buffering)


def read_plain(path: Path, most: int) -> bytes:
    """The content of a small file.

    Args:
        path: of the file.
        most: how many bytes it may have.

    Raises:
        InputError: it has more, or is no file.
        OSError: it is not there, or may not be read.
    """
    with open_plain(path, buffering=0) as file:
        check_size(path, os.fstat(file.fileno()).st_size, most)
        content = bytearray()
        while block := file.read(_BLOCK_BYTES):  # by the block: a file may say that it is empty, and grow for ever
            content += block
            check_size(path, len(content), most)
    return bytes(content)


def read_text(path: Path, most: int) -> str:
    """The same of a file in UTF-8, with any line ends; raises UnicodeDecodeError, too."""
    return read_plain(path, most).decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")


def check_size(path: Path, size: int, most: int) -> None:
    """Raise an InputError where a file has more bytes than it may."""
    if size > most:
        raise InputError(f"{path} is too large for what it should be: it has more than {most:,} bytes.")


def require_plain(path: Path) -> None:
    """Raise an InputError where something lies under a name that is neither a file nor a folder, nor leads to one."""
    if path.exists() and not path.is_dir():
        _require_file(path, path.stat().st_mode)


def _require_file(path: Path, mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise InputError(f"{path} is {kind_of_mode(mode)}, not {FILE}.")
