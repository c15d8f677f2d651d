"""The review datasets of Zhang et al. (2015): ``train.csv`` and ``test.csv`` without a header."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from tqdm import tqdm

from attnprobe.base.errors import InputError
from attnprobe.data.files.compression import CompressionError, opened
from attnprobe.data.files.delimited import csv_rows
from attnprobe.data.files.places import place, quoted
from attnprobe.data.serrano2019.original_files import open_original
from attnprobe.data.serrano2019.records import Record, unescaped

STARS = ("1", "2", "3", "4", "5")

_BEGINNING = 64
"""Bytes of a file in which its first field ends, if that is a number of stars."""


def amazon_records(paths: Sequence[Path], progress: tqdm[NoReturn]) -> Iterator[Record]:
    """Reviews of class, title and text; the title is left out.

    Raises:
        InputError: a file cannot be read, or has rows of another form.
    """
    return _records(paths, ("class", "title", "text"), progress)


def yelp_records(paths: Sequence[Path], progress: tqdm[NoReturn]) -> Iterator[Record]:
    """Reviews of class and text.

    Raises:
        InputError: a file cannot be read, or has rows of another form.
    """
    return _records(paths, ("class", "text"), progress)


def has_header(path: Path) -> bool:
    """Whether a CSV file begins with names of columns rather than with a review and its stars."""
    try:
        with opened(path) as file:
            beginning = file.readline(_BEGINNING).decode("utf-8-sig", errors="replace")
    except CompressionError:
        return True  # and is found damaged by whoever reads it as such
    first = next(csv.reader([beginning]), [])
    return not (first and first[0] in STARS)


def _records(paths: Sequence[Path], fields: Sequence[str], progress: tqdm[NoReturn]) -> Iterator[Record]:
    for path in paths:
        with open_original(path, progress) as file:
            for row, values in csv_rows(file, path):
                if len(values) != len(fields):
                    raise InputError(
                        f"{place(path, row)}: the number of fields is {len(values)}, not {len(fields)} "
                        f"({', '.join(fields)})."
                    )
                if values[0] not in STARS:
                    raise InputError(
                        f"{place(path, row, 'class')}: the class must be a number of stars from 1 to 5, "
                        f"not {quoted(values[0])}; these files have no header."
                    )
                yield Record(path.name.partition(".")[0], values[0], unescaped(values[-1]))
