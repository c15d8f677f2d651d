"""Files of texts and labels that are a split: read and checked once, and read again as often as texts are needed."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from attnprobe.base.bounds import MOST_CLASSES, MOST_DOCUMENTS
from attnprobe.base.errors import InputError
from attnprobe.base.progress_bars import progress_bar
from attnprobe.base.visible import visible
from attnprobe.data.files.arrow import arrow_table
from attnprobe.data.files.cells import checked_label, checked_text
from attnprobe.data.files.columns import Columns, WantedColumns
from attnprobe.data.files.compression import opened
from attnprobe.data.files.delimited import csv_table, tsv_table
from attnprobe.data.files.file_names import ARROW, COMPRESSIONS, CSV, JSON, JSONL, PARQUET, TSV
from attnprobe.data.files.jsonl import json_table, jsonl_table
from attnprobe.data.files.parquet import parquet_table
from attnprobe.data.files.places import place
from attnprobe.data.files.records import Table
from attnprobe.data.tokens.given_tokens import Text
from attnprobe.data.tokens.segmenters import Segmenter

TABLES: dict[str, Callable[[BinaryIO, Path, WantedColumns], Table]] = {
    TSV: tsv_table,
    CSV: csv_table,
    JSONL: jsonl_table,
    JSON: json_table,
    PARQUET: parquet_table,
    ARROW: arrow_table,
}


class _Document(NamedTuple):
    path: Path
    row: int
    label: str
    text: Text


@dataclass(frozen=True)
class LabelledFile:
    """A file, or the parts of one, of which every record was read and found good; its texts stay where they are.

    Attributes:
        path: of the file, or of its first part.
        columns: of label and text.
        given_tokens: whether texts are tokens that whitespace separates.
        labels: the distinct labels, in order of first sight.
        first_rows: for each label the file and first row that have it, as a spreadsheet counts.
        codes: int32 (documents,), indices into ``labels``.
        further: the files with its further parts, in order.
        classes: what its classes are called, in order, where the file says it.
    """

    path: Path
    columns: Columns
    given_tokens: bool
    labels: list[str]
    first_rows: list[tuple[Path, int]]
    codes: npt.NDArray[np.int32]
    further: tuple[Path, ...] = ()
    classes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.codes)

    def texts(self, chosen: npt.NDArray[np.bool_] | None = None, segmenter: Segmenter | None = None) -> Iterator[Text]:
        """The texts of all documents, or of those that are chosen (documents,), read one after another.

        Args:
            chosen: which they are; None for all.
            segmenter: finds the words; None where they are given, or found later.

        Raises:
            InputError: the file cannot be read again, or is another one by now; or the segmenter finds no words.
        """
        codes = {label: code for code, label in enumerate(self.labels)}
        wanted = WantedColumns(self.columns.label, self.columns.text, self.given_tokens)
        number = -1
        for number, document in enumerate(_documents((self.path, *self.further), wanted)):
            if number >= len(self) or codes.get(document.label) != self.codes[number]:
                raise changed(self.path)
            if chosen is None or chosen[number]:
                yield document.text if segmenter is None else _segmented(document, self.columns.text, segmenter)
        if number + 1 != len(self):
            raise changed(self.path)


def read_labels(path: Path, wanted: WantedColumns, further: Sequence[Path] = ()) -> LabelledFile:
    """Check every record of a file, whose name ends in one of ``SUFFIXES``, and keep the labels.

    Args:
        path: of the file.
        wanted: its columns.
        further: files with further parts of it, in order, which have the columns that it has.

    Raises:
        InputError: anything in a file is not as it should be.
    """
    with _opened_table(path, wanted) as table:
        columns, classes = table.columns, table.classes
    codes = array("i")
    code_of: dict[str, int] = {}
    first_rows: list[tuple[Path, int]] = []
    named = WantedColumns(columns.label, columns.text, wanted.given_tokens)
    documents = _documents((path, *further), named)
    with progress_bar(documents, visible(f"reading {path.name}"), unit=" documents", delay=0.5) as bar:
        for file, row, label, _ in bar:
            code = code_of.setdefault(label, len(code_of))
            if code == len(first_rows):
                if code == MOST_CLASSES:
                    raise InputError(f"{place(file, row)}: a file may have {MOST_CLASSES:,} labels at most.")
                first_rows.append((file, row))
            codes.append(code)
    if not codes:
        raise InputError(f"{path}: the file holds no documents.")
    numbers = np.frombuffer(codes, dtype=np.int32)
    return LabelledFile(path, columns, wanted.given_tokens, list(code_of), first_rows, numbers, tuple(further), classes)


def read_texts(path: Path, wanted: WantedColumns, further: Sequence[Path] = ()) -> Iterator[Text]:
    """The texts of all documents of a file, and of further parts of it, read one after another.

    Raises:
        InputError: a file cannot be read, or anything in it is not as it should be.
    """
    return (document.text for document in _documents((path, *further), wanted))


def changed(path: Path) -> InputError:
    """What to say of a file that is not the one that it was a moment ago."""
    return InputError(f"{path}: the file was changed while it was read; start again.")


def _segmented(document: _Document, column: str, segmenter: Segmenter) -> Text:
    where = place(document.path, document.row, column)
    if not isinstance(document.text, str):
        raise InputError(f"{where}: the text is a list of tokens, which leaves nothing to find to {segmenter.name}.")
    return segmenter.segmented(document.text, where)


def _documents(paths: Sequence[Path], wanted: WantedColumns) -> Iterator[_Document]:
    number = 0
    for path in paths:
        with _opened_table(path, wanted) as table:
            columns = table.columns
            for row, label, text in table.records:
                if number == MOST_DOCUMENTS:
                    raise InputError(f"{place(path, row)}: a file may have {MOST_DOCUMENTS:,} documents at most.")
                number += 1
                yield _Document(
                    path,
                    row,
                    checked_label(label, path, row, columns.label, table.classes),
                    checked_text(text, path, row, columns.text, given_tokens=wanted.given_tokens),
                )


@contextmanager
def _opened_table(path: Path, wanted: WantedColumns) -> Iterator[Table]:
    try:
        with opened(path) as file:
            yield TABLES[_format(path)](file, path, wanted)
    except OSError as error:
        raise InputError(f"{path}: the file cannot be read ({error.strerror or error}).") from error


def _format(path: Path) -> str:
    return path.with_suffix("").suffix if path.suffix in COMPRESSIONS else path.suffix
