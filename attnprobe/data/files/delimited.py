"""Tab-separated files without quoting, and comma-separated files with it."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from attnprobe.base.errors import InputError
from attnprobe.data.files.columns import WantedColumns
from attnprobe.data.files.lines import LONGEST_LINE, utf8_lines
from attnprobe.data.files.places import place
from attnprobe.data.files.records import Record, Table

NumberedRow = tuple[int, Sequence[str]]


def tsv_table(file: BinaryIO, path: Path, wanted: WantedColumns) -> Table:
    """A UTF-8 file with a header and a tab between fields; a quotation mark is a quotation mark.

    Raises:
        InputError: the header lacks a column, or (while records are read) a row has other fields than it.
    """
    lines = enumerate(utf8_lines(file, path), start=1)
    return _table(path, ((row, _without_line_end(line).split("\t")) for row, line in lines), wanted)


def csv_table(file: BinaryIO, path: Path, wanted: WantedColumns) -> Table:
    """A UTF-8 file with a header, as RFC 4180 has it; a record's row is the line on which it begins.

    Raises:
        InputError: the header lacks a column, or (while records are read) a row has other fields than it.
    """
    return _table(path, _csv_rows(file, path), wanted)


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


def _csv_rows(file: BinaryIO, path: Path) -> Iterator[NumberedRow]:
    reader = csv.reader(utf8_lines(file, path), strict=True)
    while True:
        row = reader.line_num + 1
        try:
            with _long_fields_allowed():
                fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise InputError(f"{place(path, row)}: not readable as CSV ({error}).") from None
        yield row, fields


@contextmanager
def _long_fields_allowed() -> Iterator[None]:
    limit_before = csv.field_size_limit(LONGEST_LINE)
    try:
        yield
    finally:
        csv.field_size_limit(limit_before)


def _without_line_end(line: str) -> str:
    return line.removesuffix("\n").removesuffix("\r")
