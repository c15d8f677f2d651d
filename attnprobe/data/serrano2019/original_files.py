"""Reading the originals' files: compressed or not, with a progress bar, however large."""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NoReturn, cast

from tqdm import tqdm

from attnprobe.errors import InputError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

KEY_BYTES = 8


def byte_progress(paths: Sequence[Path], label: str) -> tqdm[NoReturn]:
    """A bar over all bytes of the files; ``open_original`` moves it."""
    total = sum(path.stat().st_size for path in paths)
    return tqdm(total=total, desc=label, unit="B", unit_scale=True, delay=0.5, disable=None)


@contextmanager
def open_original(path: Path, progress: tqdm[NoReturn]) -> Iterator[BinaryIO]:
    """The bytes of a file, unpacked if its name ends in ``.gz``.

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


def content_key(paths: Sequence[Path], label: str) -> str:
    """Hexadecimal; another one whenever a file's name, size or content is another.

    Raises:
        InputError: a file cannot be read.
    """
    digest = hashlib.blake2b(digest_size=KEY_BYTES)
    try:
        with byte_progress(paths, f"{label}: checking files") as progress:
            for path in paths:
                digest.update(f"{path.name} {path.stat().st_size}\n".encode())
                with path.open("rb", buffering=0) as raw:
                    while block := raw.read(1 << 22):
                        digest.update(block)
                        progress.update(len(block))
    except OSError as error:
        raise InputError(f"{error.filename}: the file cannot be read ({error.strerror}).") from error
    return digest.hexdigest()


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
