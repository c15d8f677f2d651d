"""Reading the originals' files: compressed or not, with a progress bar, however large."""

from __future__ import annotations

import gzip
import io
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NoReturn, cast

from tqdm import tqdm

from attnprobe.base.errors import InputError
from attnprobe.base.expansion import Expansion
from attnprobe.base.plain_files import open_plain

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


@contextmanager
def open_original(path: Path, progress: tqdm[NoReturn]) -> Iterator[BinaryIO]:
    """The bytes of a file, unpacked if its name ends in ``.gz``; the bar is moved by what is read.

    Raises:
        InputError: it cannot be read, on opening or at any later time, or is no file, or unpacks to more than data can.
    """
    try:
        with open_plain(path, buffering=0) as raw:
            counted = io.BufferedReader(_Counted(cast(io.RawIOBase, raw), progress.update), buffer_size=1 << 20)
            if path.suffix == ".gz":
                expansion = Expansion(path, os.fstat(raw.fileno()).st_size)
                with gzip.open(counted) as unpacked:
                    yield cast(BinaryIO, io.BufferedReader(_Counted(cast(io.RawIOBase, unpacked), expansion.add)))
            else:
                yield counted
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error).rstrip(".")
        raise InputError(f"{path}: the file cannot be read ({reason}).") from error


class _Counted(io.RawIOBase):
    """A file that says how many bytes were read of it, each time some were."""

    def __init__(self, raw: io.RawIOBase, count: Callable[[int], object]) -> None:
        self._raw = raw
        self._count = count

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        count = self._raw.readinto(buffer) or 0
        self._count(count)
        return count
