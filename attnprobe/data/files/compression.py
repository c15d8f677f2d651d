"""Files that are compressed as a whole, read as if they were not."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import pyarrow as pa

from attnprobe.base.expansion import Expansion
from attnprobe.base.plain_files import open_plain
from attnprobe.data.files.file_names import COMPRESSIONS

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BUFFER_BYTES = 1 << 16


class CompressionError(Exception):
    """Compressed data are cut off or corrupt; the message says how, as a clause."""


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """The bytes of a file, unpacked a little at a time if its name ends in one of ``COMPRESSIONS``.

    Raises:
        OSError: the file cannot be opened; or read, later, where it is not compressed.
        InputError: it is no file; or, on reading, it unpacks to more than data can.
        CompressionError: on reading, what is compressed is cut off or corrupt.
    """
    with open_plain(path) as file:
        if path.suffix not in COMPRESSIONS:
            yield file
            return
        with pa.CompressedInputStream(pa.PythonFile(file), COMPRESSIONS[path.suffix]) as stream:
            expansion = Expansion(path, os.fstat(file.fileno()).st_size)
            yield cast(BinaryIO, io.BufferedReader(_Unpacked(stream, expansion), BUFFER_BYTES))


class _Unpacked(io.RawIOBase):
    """A stream that tells what is wrong with its data from what is wrong with the disk."""

    def __init__(self, stream: pa.NativeFile, expansion: Expansion) -> None:
        self._stream = stream
        self._expansion = expansion

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)
        try:
            content = self._stream.read(len(view))
        except (OSError, pa.ArrowException) as error:
            reason = str(error).strip().split("\n")[0].rstrip(".")
            raise CompressionError(reason) from error
        self._expansion.add(len(content))
        view[: len(content)] = content
        return len(content)
