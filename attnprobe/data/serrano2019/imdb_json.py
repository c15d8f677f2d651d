"""The reviews of Diao et al. (2014): JSON objects with a rating and a review, in one array or one a line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from tqdm import tqdm

from attnprobe.base.errors import InputError
from attnprobe.data.files.json_values import json_values
from attnprobe.data.files.places import listed, quoted
from attnprobe.data.serrano2019.original_files import open_original
from attnprobe.data.serrano2019.records import Record

RATING, REVIEW = "rating", "review"


def imdb_records(paths: Sequence[Path], progress: tqdm[NoReturn]) -> Iterator[Record]:
    """Every review with its rating; its title is left out, as in 2019.

    Raises:
        InputError: a file cannot be read, or holds something other than such objects.
    """
    for path in paths:
        with open_original(path, progress) as file:
            for number, entry in enumerate(json_values(file, path), start=1):
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
