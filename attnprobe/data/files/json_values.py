"""The values of a JSON file, one after another: in one array or one a line."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from attnprobe.base.bounds import LONGEST_RECORD
from attnprobe.base.errors import InputError
from attnprobe.data.files.compression import CompressionError

CHUNK_CHARACTERS = 1 << 20
_BETWEEN_VALUES = " \t\r\n,[]"


def json_values(file: BinaryIO, path: Path, counted: str = "record") -> Iterator[object]:
    """The JSON values of a file, read piece by piece: an array as large as memory need not be held.

    Args:
        file: open.
        path: of the same.
        counted: what messages call a value.

    Raises:
        InputError: it is not such a file; the message says which value is none.
    """
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    decoder = json.JSONDecoder()
    buffer, position, count, ended = "", 0, 0, False
    while True:
        while position < len(buffer) and buffer[position] in _BETWEEN_VALUES:
            position += 1
        failure = "the file ends too early"
        if position < len(buffer):
            try:
                value, position = decoder.raw_decode(buffer, position)
            except json.JSONDecodeError as error:
                failure = error.msg
            except (ValueError, RecursionError):  # a number of thousands of digits, brackets thousands deep
                raise InputError(f"{path}, {counted} {count + 1}: not valid JSON (a value is too large).") from None
            else:
                count += 1
                yield value
                continue
        elif ended:
            return
        buffer, position = buffer[position:], 0
        if ended or len(buffer) > LONGEST_RECORD:
            raise InputError(f"{path}, {counted} {count + 1}: not valid JSON ({failure}).")
        piece = _piece(text, f"{path}, after {counted} {count}")
        buffer, ended = buffer + piece, not piece


def _piece(text: io.TextIOWrapper, where: str) -> str:
    try:
        return text.read(CHUNK_CHARACTERS)
    except UnicodeDecodeError:
        raise InputError(f"{where}: not UTF-8.") from None
    except CompressionError as error:
        raise InputError(f"{where}: the compressed data are damaged ({error}).") from error
