"""One file of texts and labels."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from attnprobe.data.files.cells import checked_label, checked_text
from attnprobe.data.files.columns import Columns, WantedColumns
from attnprobe.data.files.delimited import csv_table, tsv_table
from attnprobe.data.files.jsonl import jsonl_table
from attnprobe.data.files.parquet import parquet_table
from attnprobe.data.files.records import Table
from attnprobe.errors import InputError

FORMATS: dict[str, Callable[[BinaryIO, Path, WantedColumns], Table]] = {
    ".tsv": tsv_table,
    ".csv": csv_table,
    ".jsonl": jsonl_table,
    ".parquet": parquet_table,
}


@dataclass(frozen=True)
class RawDocuments:
    """One split before tokenisation: parallel lists, and where they come from.

    ``rows`` says for each document where in the file it stands, as a spreadsheet counts.
    """

    path: Path
    columns: Columns
    texts: list[str]
    labels: list[str]
    rows: list[int]

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, documents: Iterable[int]) -> RawDocuments:
        """The documents with these indices, in this order."""
        documents = list(documents)
        return RawDocuments(
            self.path,
            self.columns,
            [self.texts[i] for i in documents],
            [self.labels[i] for i in documents],
            [self.rows[i] for i in documents],
        )


def read_documents(path: Path, wanted: WantedColumns) -> RawDocuments:
    """Texts and labels of a file, whose suffix is one of ``FORMATS``.

    Raises:
        InputError: anything in the file is not as it should be.
    """
    texts: list[str] = []
    labels: list[str] = []
    rows: list[int] = []
    try:
        with path.open("rb") as file:
            columns, records = FORMATS[path.suffix](file, path, wanted)
            for row, label, text in records:
                labels.append(checked_label(label, path, row, columns.label))
                texts.append(checked_text(text, path, row, columns.text))
                rows.append(row)
    except OSError as error:
        raise InputError(f"{path}: the file cannot be read ({error.strerror or error}).") from error
    if not texts:
        raise InputError(f"{path}: the file holds no documents.")
    return RawDocuments(path, columns, texts, labels, rows)
