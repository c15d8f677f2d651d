"""Arrow files as a stream of batches, as the library ``datasets`` keeps them, whoever has made them.

A file is mapped into memory, and a batch's columns are parts of it: no more is taken than the file has. What could
unpack to more, compressed batches, is refused; what is read is gone through by pyarrow before it is used.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from attnprobe.base.bounds import MOST_COLUMNS
from attnprobe.base.errors import InputError, UnreadableError
from attnprobe.base.plain_files import require_plain

_SCHEMA, _BATCH = "schema", "record batch"
_HEADER, _COMPRESSION = 2, 3
"""Numbers of fields, of a message and of a batch in it, in the format."""


class ArrowStream:
    """An open Arrow file, whose batches are gone through once.

    Args:
        path: of the file.

    Attributes:
        schema: its columns, as Arrow has them.
        names: of the columns.
        metadata: what whoever wrote it says of it.

    Raises:
        InputError: no file lies there.
        UnreadableError: it is no such file.
        OSError: it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        require_plain(path)
        self._path = path
        with pa.memory_map(str(path)) as source:
            try:
                self.schema = pa.ipc.read_schema(source)
                self.names: list[str] = self.schema.names  # which may be no text
            except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
                raise _damaged(error) from error
        self.metadata: dict[bytes, bytes] = dict(self.schema.metadata or {})
        if len(self.schema) > MOST_COLUMNS:
            raise InputError(f"{path}: there are more than {MOST_COLUMNS:,} columns.")

    def batches(self, rows: int, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Some rows after another, of these columns.

        Raises:
            UnreadableError: they cannot be read, or are compressed.
        """
        self._refuse_compressed()
        places = [self.names.index(name) for name in columns]
        with pa.memory_map(str(self._path)) as source:
            try:
                options = pa.ipc.IpcReadOptions(included_fields=sorted(set(places)), use_threads=False)
                for batch in pa.ipc.open_stream(source, options=options):
                    batch.validate(full=True)
                    yield from (batch.slice(start, rows) for start in range(0, len(batch), rows))
            except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
                raise _damaged(error) from error

    def _refuse_compressed(self) -> None:
        with pa.memory_map(str(self._path)) as source:
            try:
                for message in pa.ipc.MessageReader.open_stream(source):
                    if message.type != _SCHEMA and (message.type != _BATCH or _is_compressed(message.metadata)):
                        raise UnreadableError(f"it holds a {message.type} that is compressed or refers to others")
            except (pa.ArrowException, OSError) as error:
                raise _damaged(error) from error


def _is_compressed(metadata: pa.Buffer) -> bool:
    """Whether a message of a record batch says that it is compressed: the one field of its description that says so.

    The description is a FlatBuffer: tables begin with how far before them their list of fields is.
    """
    content = memoryview(metadata)
    try:
        message = struct.unpack_from("<I", content, 0)[0]
        header = _field(content, message, _HEADER)
        if not header:
            return True
        batch = header + struct.unpack_from("<I", content, header)[0]
        return bool(_field(content, batch, _COMPRESSION))
    except (struct.error, ValueError):
        return True


def _field(content: memoryview, table: int, number: int) -> int:
    """Where a field of a table is; 0 where it has none."""
    fields = table - struct.unpack_from("<i", content, table)[0]
    if fields < 0:
        raise ValueError("a list of fields before the beginning")
    size, place = struct.unpack_from("<H", content, fields)[0], 4 + 2 * number
    offset = struct.unpack_from("<H", content, fields + place)[0] if place + 2 <= size else 0
    return table + int(offset) if offset else 0


def _damaged(error: Exception) -> UnreadableError:
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return UnreadableError(reason.rstrip("."))
