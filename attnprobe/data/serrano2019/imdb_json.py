"""The reviews of Diao et al. (2014): JSON objects with a rating and a review, in one array or one a line."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from tqdm import tqdm

from attnprobe.base.bounds import LONGEST_RECORD
from attnprobe.base.errors import InputError
from attnprobe.data.files.places import listed, quoted
from attnprobe.data.serrano2019.original_files import open_original
from attnprobe.data.serrano2019.records import Record

RATING, REVIEW = "rating", "review"
CHUNK_CHARACTERS = 1 << 20
BETWEEN_OBJECTS = " \t\r\n,[]"


def imdb_records(paths: Sequence[Path], progress: tqdm[NoReturn]) -> Iterator[Record]:
    """Every review with its rating; its title is left out, as in 2019.

    Raises:
        InputError: a file cannot be read, or holds something other than such objects.
    """
    for path in paths:
        with open_original(path, progress) as file:
            for number, entry in enumerate(_values(file, path), start=1):
                yield _record(entry, f"{path}, record {number}")


def _record(entry: object, where: str) -> Record:
    if not isinstance(entry, dict):
        raise InputError(f"{where}: not a JSON object.")
    for name in (RATING, REVIEW):
        if name not in entry:
            raise InputError(f"{where}: the key {quoted(name)} is missing; the keys are {listed(entry)}.")
    review = entry[REVIEW]
    if review is not None and not isinstance(review, str):
        raise InputError(f"{where}, key {quoted(REVIEW)}: the review must be a string.")
    return Record("", _rating(entry), review or "")


def _rating(entry: Mapping[str, Any]) -> str:
    """``8``, ``8.0`` and ``"8"`` are the same; a review that was not rated has what no class is called."""
    try:
        number = float(entry[RATING])
    except (TypeError, ValueError):
        return str(entry[RATING])
    return str(int(number)) if number.is_integer() else str(number)


def _values(file: BinaryIO, path: Path) -> Iterator[object]:
    """The JSON values of a file, read piece by piece: an array as large as memory need not be held."""
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    decoder = json.JSONDecoder()
    buffer, position, count, ended = "", 0, 0, False
    while True:
        while position < len(buffer) and buffer[position] in BETWEEN_OBJECTS:
            position += 1
        failure = "the file ends too early"
        if position < len(buffer):
            try:
                value, position = decoder.raw_decode(buffer, position)
            except json.JSONDecodeError as error:
                failure = error.msg
            except (ValueError, RecursionError):  # a number of thousands of digits, brackets thousands deep
                raise InputError(f"{path}, record {count + 1}: not valid JSON (a value is too large).") from None
            else:
                count += 1
                yield value
                continue
        elif ended:
            return
        buffer, position = buffer[position:], 0
        if ended or len(buffer) > LONGEST_RECORD:
            raise InputError(f"{path}, record {count + 1}: not valid JSON ({failure}).")
        try:
            piece = text.read(CHUNK_CHARACTERS)
        except UnicodeDecodeError:
            raise InputError(f"{path}, after record {count}: not UTF-8.") from None
        buffer, ended = buffer + piece, not piece
