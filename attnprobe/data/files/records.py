"""What every file format is read into before anything is checked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from attnprobe.data.files.columns import Columns


class Record(NamedTuple):
    """One document as its file has it: nothing is checked yet, not even the types."""

    row: int
    label: object
    text: object


class Table(NamedTuple):
    """A file's two columns and its records, which are read as one goes through them.

    Attributes:
        columns: their names.
        records: in order.
        classes: what the classes are called that numbers in the label's column stand for, where the file says it.
    """

    columns: Columns
    records: Iterator[Record]
    classes: tuple[str, ...] = ()
