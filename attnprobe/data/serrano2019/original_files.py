"""Reading the originals' files: compressed or not, with a progress bar, however large."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NoReturn, cast

from tqdm import tqdm

from attnprobe.base.errors import InputError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


@contextmanager
def open_original(path: Path, progress: tqdm[NoReturn]) -> Iterator[BinaryIO]:
    """The bytes of a file, unpacked if its name ends in ``.gz``; the bar is moved by what is read.

    Raises:
        InputError: it cannot be read, on opening or at any later time.
    """
    try:
        with path.open("rb", buffering=0) as raw:
            counted = io.BufferedReader(_Counted(raw, progress), buffer_size=1 << 20)
            if path.suffix == ".gz":
                with gzip.open(counted) as unpacked:
                    yield cast(BinaryIO, unpacked)
            else:
                yield counted
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error).rstrip(".")
        raise InputError(f"{path}: the file cannot be read ({reason}).") from error


class _Counted(io.RawIOBase):
    """A raw file that tells a progress bar what was read of it."""

    def __init__(self, raw: io.RawIOBase, progress: tqdm[NoReturn]) -> None:
        self._raw = raw
        self._progress = progress

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        count = self._raw.readinto(buffer) or 0
        self._progress.update(count)
        return count
