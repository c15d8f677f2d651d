"""A split on disk: its documents window by window, and what is known of each document in columns of their own.

A folder of

- ``windows.arrow``: an Arrow IPC message for each window, a record batch of one row whose lists are the fields;
- ``<column>.npy``: for each of ``COLUMNS`` a number for each document, to be memory-mapped;
- ``index.json``: where each window begins, in documents and in bytes, and checksums of all that.
"""

from __future__ import annotations

import hashlib
import io
import json
import zlib
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from attnprobe.data.documents import Documents
from attnprobe.data.occurrences import occurrences_of

COLUMNS = {"labels": "<i8", "content_hashes": "<u8", "occurrences": "<u4", "words_per_document": "<i4"}
OCCURRENCES = "occurrences"
STRINGS = ("types", "texts")
NUMBERS = ("words", "sentence_lengths", "sentences_per_document", "word_starts")
SCHEMA = pa.schema(
    [*((field, pa.list_(pa.string())) for field in STRINGS), *((field, pa.list_(pa.int32())) for field in NUMBERS)]
)
WINDOWS, INDEX = "windows.arrow", "index.json"
BLOCK_BYTES = 1 << 22


class DamagedError(Exception):
    """A file is not what was written."""


def write_split(folder: Path, windows: Iterable[Documents], documents: int) -> None:
    """Write a split into an empty folder, window by window.

    Args:
        folder: to write to.
        windows: of the split, each with its own types.
        documents: how many these are in all.

    Raises:
        OSError: it cannot be written.
    """
    starts, offsets, checksums = [0], [0], []
    column_sums = dict.fromkeys(COLUMNS, 0)
    with ExitStack() as stack:
        file = stack.enter_context((folder / WINDOWS).open("wb"))
        columns = {name: stack.enter_context(_column_path(folder, name).open("wb")) for name in COLUMNS}
        for name, column in columns.items():
            column.write(_header(name, documents))

        def append(name: str, values: npt.NDArray[np.integer]) -> None:
            content = np.ascontiguousarray(values, dtype=COLUMNS[name]).data.cast("B")
            columns[name].write(content)
            column_sums[name] = zlib.crc32(content, column_sums[name])

        for window in windows:
            message = memoryview(_message(window))
            file.write(message)
            starts.append(starts[-1] + len(window))
            offsets.append(offsets[-1] + len(message))
            checksums.append(zlib.crc32(message))
            for name in COLUMNS:
                if name != OCCURRENCES:
                    append(name, getattr(window, name))
        if starts[-1] != documents:
            raise ValueError(f"{starts[-1]} documents were written, not {documents}")
        columns["content_hashes"].flush()
        append(OCCURRENCES, occurrences_of(_column(folder, "content_hashes", starts[-1])))
    index = {"starts": starts, "offsets": offsets, "checksums": checksums, "columns": column_sums}
    write_sealed(folder / INDEX, index)


class SplitFiles:
    """The files that ``write_split`` wrote.

    Raises:
        DamagedError: the index is not what was written.
        OSError: it cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        index = read_sealed(folder / INDEX)
        self.starts = np.array(index["starts"], dtype=np.int64)
        self._offsets: list[int] = index["offsets"]
        self._checksums: list[int] = index["checksums"]
        self._column_sums: dict[str, int] = index["columns"]
        self._columns: dict[str, npt.NDArray[Any]] = {}

    def column(self, name: str) -> npt.NDArray[Any]:
        """One of ``COLUMNS`` (documents,), memory-mapped.

        Raises:
            DamagedError: it is not what was written.
            OSError: it cannot be read.
        """
        if name not in self._columns:
            self._columns[name] = _column(self.folder, name, int(self.starts[-1]))
        return self._columns[name]

    def window(self, number: int) -> Documents:
        """The documents of a window.

        Raises:
            DamagedError: they are not what was written.
            OSError: the file cannot be read.
        """
        begin, end = self._offsets[number : number + 2]
        with (self.folder / WINDOWS).open("rb") as file:
            file.seek(begin)
            message = file.read(end - begin)
        if len(message) != end - begin or zlib.crc32(message) != self._checksums[number]:
            raise DamagedError(f"{self.folder / WINDOWS}: window {number} is not what was written")
        batch = pa.ipc.read_record_batch(pa.py_buffer(message), SCHEMA)
        strings = {field: batch.column(field)[0].values.to_pylist() for field in STRINGS}
        # pyarrow's own to_numpy imports pandas, and loses a Ctrl-C that comes meanwhile.
        numbers: dict[str, Any] = {field: np.array(np.from_dlpack(batch.column(field)[0].values)) for field in NUMBERS}
        rows = slice(*self.starts[number : number + 2])
        return Documents(
            **strings,
            **numbers,
            labels=np.array(self.column("labels")[rows], dtype=np.int64),
            content_hashes=np.array(self.column("content_hashes")[rows], dtype=np.uint64),
        )

    def check(self) -> None:
        """Read everything once.

        Raises:
            DamagedError: a file is not what was written.
            OSError: a file cannot be read.
        """
        with (self.folder / WINDOWS).open("rb") as file:
            for begin, end, expected in zip(self._offsets[:-1], self._offsets[1:], self._checksums, strict=True):
                if zlib.crc32(file.read(end - begin)) != expected:
                    raise DamagedError(f"{file.name} is not what was written")
            if file.read(1):
                raise DamagedError(f"{file.name} is longer than what was written")
        for name, expected in self._column_sums.items():
            column, checksum = self.column(name), 0
            for start in range(0, len(column), BLOCK_BYTES):
                checksum = zlib.crc32(column[start : start + BLOCK_BYTES].data.cast("B"), checksum)
            if checksum != expected:
                raise DamagedError(f"{_column_path(self.folder, name)} is not what was written")


def write_sealed(path: Path, content: Any) -> None:  # noqa: ANN401
    """Write JSON with a checksum of its own."""
    path.write_text(json.dumps({"checksum": _seal(content), "content": content}, indent=1), encoding="utf-8")


def read_sealed(path: Path) -> Any:  # noqa: ANN401
    """What ``write_sealed`` wrote.

    Raises:
        DamagedError: the file is not what was written.
        OSError: it cannot be read.
    """
    try:
        sealed = json.loads(path.read_text(encoding="utf-8"))
        whole = sealed["checksum"] == _seal(sealed["content"])
    except (ValueError, KeyError, TypeError, RecursionError):
        whole = False
    if not whole:
        raise DamagedError(f"{path} is not what was written")
    return sealed["content"]


def _seal(content: Any) -> str:  # noqa: ANN401
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _message(window: Documents) -> pa.Buffer:
    return pa.record_batch([pa.array([getattr(window, field)]) for field in SCHEMA.names], schema=SCHEMA).serialize()


def _column_path(folder: Path, name: str) -> Path:
    return folder / f"{name}.npy"


def _header(name: str, documents: int) -> bytes:
    header = io.BytesIO()
    described = {"descr": COLUMNS[name], "fortran_order": False, "shape": (documents,)}
    np.lib.format.write_array_header_1_0(header, described)
    return header.getvalue()


def _column(folder: Path, name: str, documents: int) -> npt.NDArray[Any]:
    """A column, memory-mapped; its header is compared rather than read, since what is damaged can be anything.

    Raises:
        DamagedError: it is no such column.
        OSError: it cannot be read.
    """
    path, header, dtype = _column_path(folder, name), _header(name, documents), np.dtype(COLUMNS[name])
    with path.open("rb") as file:
        whole = file.read(len(header)) == header
    if not whole or path.stat().st_size != len(header) + documents * dtype.itemsize:
        raise DamagedError(f"{path} is not what was written")
    return np.asarray(np.memmap(path, dtype, "r", len(header), (documents,)))
