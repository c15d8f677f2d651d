"""Tab-separated files without quoting, and comma-separated files with it."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from attnprobe.base.bounds import LONGEST_RECORD, MOST_COLUMNS
from attnprobe.base.errors import InputError
from attnprobe.data.files.columns import WantedColumns
from attnprobe.data.files.lines import utf8_lines
from attnprobe.data.files.places import place
from attnprobe.data.files.records import Record, Table

NumberedRow = tuple[int, Sequence[str]]


def tsv_table(file: BinaryIO, path: Path, wanted: WantedColumns) -> Table:
    """A UTF-8 file with a header and a tab between fields; a quotation mark is a quotation mark.

    Raises:
        InputError: the header lacks a column, or (while records are read) a row has other fields than it.
    """
    lines = enumerate(utf8_lines(file, path), start=1)
    return _table(path, ((row, _without_line_end(line).split("\t", MOST_COLUMNS)) for row, line in lines), wanted)


def csv_table(file: BinaryIO, path: Path, wanted: WantedColumns) -> Table:
    """A UTF-8 file with a header, as RFC 4180 has it; a record's row is the line on which it begins.

    Raises:
        InputError: the header lacks a column, or (while records are read) a row has other fields than it.
    """
    return _table(path, csv_rows(file, path), wanted)


def _table(path: Path, rows: Iterator[NumberedRow], wanted: WantedColumns) -> Table:
    _, header = next(rows, (1, None))
    if header is None:
        raise InputError(f"{path}: the file is empty; its first row must name the columns.")
    columns = wanted.among(path, header, row=1)
    label, text = header.index(columns.label), header.index(columns.text)

    def records() -> Iterator[Record]:
        for row, fields in rows:
            if len(fields) != len(header):
                raise InputError(
                    f"{place(path, row)}: the number of fields is {len(fields)}, "
                    f"but the header names {len(header)} columns."
                )
            yield Record(row, fields[label], fields[text])

    return Table(columns, records())


def csv_rows(file: BinaryIO, path: Path) -> Iterator[NumberedRow]:
    """The records of a UTF-8 file, as RFC 4180 has it, each with the line on which it begins.

    Raises:
        InputError: it is not such a file, or a record has more bytes than any could have.
    """
    lines = _LinesOfARecord(utf8_lines(file, path), path)
    reader = csv.reader(lines, strict=True)
    while True:
        row = reader.line_num + 1
        lines.begin(row)
        try:
            with _long_fields_allowed():
                fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise InputError(f"{place(path, row)}: not readable as CSV ({error}).") from None
        yield row, fields


class _LinesOfARecord:
    """Lines of a file, of which no more may be taken for one record than it can have."""

    def __init__(self, lines: Iterator[str], path: Path) -> None:
        self._lines, self._path = lines, path
        self._row, self._characters = 1, 0

    def begin(self, row: int) -> None:
        """The next record, which begins on this line."""
        self._row, self._characters = row, 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self._characters += len(line)
        if self._characters > LONGEST_RECORD:
            raise InputError(
                f"{place(self._path, self._row)}: the record has more than {LONGEST_RECORD:,} characters; "
                "a quotation mark may be missing."
            )
        return line


@contextmanager
def _long_fields_allowed() -> Iterator[None]:
    limit_before = csv.field_size_limit(LONGEST_RECORD)
    try:
        yield
    finally:
        csv.field_size_limit(limit_before)


def _without_line_end(line: str) -> str:
    return line.removesuffix("\n").removesuffix("\r")
