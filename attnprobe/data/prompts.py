"""Prompts for a language model, and what else is known of each: its subject, the answer's rival, where something is."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from attnprobe.base.errors import InputError
from attnprobe.base.plain_files import open_plain
from attnprobe.base.visible import holds_half_a_character
from attnprobe.data.files.delimited import csv_rows
from attnprobe.data.files.lines import utf8_lines
from attnprobe.data.files.places import listed, place, quoted

TEXT_COLUMNS = ("prompt", "text")
"""Columns that may hold the prompts."""

MOST_PROMPTS = 1_000_000


@dataclass(frozen=True)
class Prompts:
    """Prompts, and their further columns.

    Attributes:
        texts: the prompts.
        columns: by name, an entry a prompt; None where a prompt has none.
        numbers: what each is called in results, where it is not counted from 0 on.
    """

    texts: list[str]
    columns: Mapping[str, list[Any]] = field(default_factory=dict)
    numbers: tuple[int, ...] | None = None

    def __len__(self) -> int:
        return len(self.texts)

    @classmethod
    def of(cls, given: Any) -> Prompts:  # noqa: ANN401
        """Prompts as programs have them.

        Args:
            given: strings; or tables (dictionaries) of one prompt each; or a table of columns, as a data frame.

        Raises:
            InputError: they are nothing of that, or one is no text.
        """
        if isinstance(given, Prompts):
            return given
        if isinstance(given, str):
            raise InputError("The prompts are one string, but several are needed: [prompt] is a list of one.")
        columns = getattr(given, "columns", None)
        if columns is not None and not callable(columns) and hasattr(given, "to_dict"):  # a data frame
            given = given.to_dict("records")
        elif isinstance(given, Mapping):
            given = _rows_of_columns(given)
        if not isinstance(given, Iterable):
            raise InputError(f"The prompts are {type(given).__name__}, but strings or tables are needed.")
        rows = [{TEXT_COLUMNS[0]: row} if isinstance(row, str) else row for row in given]
        return _of_rows((f"Prompt {number}", row) for number, row in enumerate(rows))

    @classmethod
    def read(cls, path: Path) -> Prompts:
        """Prompts of a file: ``.jsonl`` (an object a line), ``.csv`` (with a header), or ``.txt`` (a prompt a line).

        Raises:
            InputError: it cannot be read, or has another ending, or a row is not as it should be.
        """
        reader = _READERS.get(path.suffix)
        if reader is None:
            raise InputError(f"{path}: prompts are read from files whose names end in {listed(_READERS)}.")
        try:
            return _of_rows(reader(path), f"{path}: there")
        except OSError as error:
            raise InputError(f"{path}: the file cannot be read ({error.strerror or error}).") from None


def _rows_of_columns(given: Mapping[Any, Any]) -> list[dict[Any, Any]]:
    """A table of columns, row by row."""
    for name, column in given.items():
        if isinstance(column, str) or not isinstance(column, Iterable):
            raise InputError(
                f"The column {quoted(str(name))} of the prompts is {type(column).__name__}, but an entry a prompt is "
                "needed; a table of one prompt stands in a list."
            )
    columns = [list(column) for column in given.values()]
    if len(set(map(len, columns))) > 1:
        raise InputError("The columns of the prompts have different lengths.")
    return [dict(zip(given, row, strict=True)) for row in zip(*columns, strict=True)]


def _of_rows(rows: Iterable[tuple[str, Any]], there: str = "There") -> Prompts:
    """Prompts of rows, each with what messages call it; and where they would be, at the beginning of a sentence."""
    whole: list[Mapping[str, Any]] = []
    texts: list[str] = []
    for where, row in rows:
        if not isinstance(row, Mapping):
            raise InputError(f"{where} is no string and no table, but {type(row).__name__}.")
        name = next((name for name in TEXT_COLUMNS if name in row), None)
        if name is None:
            raise InputError(f"{where}: there is no {' or '.join(map(quoted, TEXT_COLUMNS))} among {listed(row)}.")
        if not isinstance(row[name], str) or not row[name].strip():
            raise InputError(f"{where}: its {name} is no text, or blank.")
        if holds_half_a_character(row[name]):
            raise InputError(f"{where}: its {name} holds half of a surrogate pair, which is no character.")
        if len(texts) == MOST_PROMPTS:
            raise InputError(f"{where}: there may be {MOST_PROMPTS:,} prompts at most.")
        texts.append(row[name])
        whole.append({str(key): value for key, value in row.items() if key != name})
    if not texts:
        raise InputError(f"{there} are no prompts.")
    names = dict.fromkeys(name for row in whole for name in row)
    return Prompts(texts, {name: [row.get(name) for row in whole] for name in names})


def _of_json_lines(path: Path) -> Iterator[tuple[str, Any]]:
    with open_plain(path) as file:
        for number, line in enumerate(utf8_lines(file, path), start=1):
            try:
                yield place(path, number), json.loads(line, object_pairs_hook=_without_repetition)
            except InputError as error:
                raise InputError(f"{place(path, number)}: {error}") from None
            except (ValueError, RecursionError):
                raise InputError(f"{place(path, number)}: not valid JSON.") from None


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        raise InputError(f"the key {quoted(_repeated([name for name, _ in pairs]))} is there twice.")
    return row


def _repeated(names: Sequence[str]) -> str:
    return next(name for number, name in enumerate(names) if name in names[:number])


def _of_csv(path: Path) -> Iterator[tuple[str, Any]]:
    with open_plain(path) as file:
        rows = csv_rows(file, path)
        _, header = next(rows, (1, ()))
        if len(set(header)) < len(header):
            raise InputError(f"{place(path, 1)}: the header has the column {quoted(_repeated(header))} twice.")
        for number, fields in rows:
            if len(fields) != len(header):
                raise InputError(
                    f"{place(path, number)}: the number of fields is {len(fields)}, but the header names {len(header)}."
                )
            yield place(path, number), {name: text or None for name, text in zip(header, fields, strict=True)}


def _of_lines(path: Path) -> Iterator[tuple[str, Any]]:
    with open_plain(path) as file:
        for number, line in enumerate(utf8_lines(file, path), start=1):
            yield place(path, number), {TEXT_COLUMNS[0]: line.rstrip("\r\n")}


_READERS = {".jsonl": _of_json_lines, ".csv": _of_csv, ".txt": _of_lines}
