"""Files of JSON objects: one a line, or all in one array."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from attnprobe.base.errors import InputError
from attnprobe.data.files.columns import Columns, WantedColumns
from attnprobe.data.files.json_values import json_values
from attnprobe.data.files.lines import utf8_lines
from attnprobe.data.files.places import listed, place, quoted
from attnprobe.data.files.records import Record, Table


def jsonl_table(file: BinaryIO, path: Path, wanted: WantedColumns) -> Table:
    """A UTF-8 file of JSON objects; the first one's keys decide on the columns, a record's row is its line.

    Raises:
        InputError: the first object lacks a column, or (while records are read) a line is not such an object.
    """
    objects = ((row, _object(line, path, row)) for row, line in enumerate(utf8_lines(file, path), start=1))
    return _table(objects, path, wanted, "one JSON object a line")


def json_table(file: BinaryIO, path: Path, wanted: WantedColumns) -> Table:
    """A UTF-8 file of JSON objects in one array, or one after another; a record's row is its number, counted from 1.

    Raises:
        InputError: the first object lacks a column, or (while records are read) a value is not such an object.
    """
    values = enumerate(json_values(file, path, "row"), start=1)
    return _table(
        ((row, _checked(value, path, row)) for row, value in values), path, wanted, "an array of JSON objects"
    )


def _table(objects: Iterator[tuple[int, dict[str, Any]]], path: Path, wanted: WantedColumns, what: str) -> Table:
    first = next(objects, None)
    if first is None:
        raise InputError(f"{path}: the file is empty; it must hold {what}.")
    columns = wanted.among(path, list(first[1]), row=1)

    def records() -> Iterator[Record]:
        yield _record(path, *first, columns)
        for row, entry in objects:
            yield _record(path, row, entry, columns)

    return Table(columns, records())


def _object(line: str, path: Path, row: int) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except json.JSONDecodeError as error:
        raise InputError(f"{place(path, row)}: not valid JSON ({error.msg} at character {error.pos + 1}).") from None
    except (ValueError, RecursionError):  # a number of thousands of digits, brackets thousands deep
        raise InputError(f"{place(path, row)}: not valid JSON (a value is too large to be read).") from None
    return _checked(entry, path, row)


def _checked(entry: object, path: Path, row: int) -> dict[str, Any]:
    if not isinstance(entry, dict):
        raise InputError(f"{place(path, row)}: not a JSON object.")
    return entry


def _record(path: Path, row: int, entry: dict[str, Any], columns: Columns) -> Record:
    for name in (columns.label, columns.text):
        if name not in entry:
            raise InputError(f"{place(path, row)}: the key {quoted(name)} is missing; the keys are {listed(entry)}.")
    return Record(row, entry[columns.label], entry[columns.text])
