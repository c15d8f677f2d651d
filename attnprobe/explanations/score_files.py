"""Files of scores: one row a score, of an item by its position or of a stretch of a document's text.

The columns are ``document``, its number in the split from 0; ``name``, of the explanation; ``score``; ``position``, the
item's number as in items.parquet, or ``start`` and ``end``, in characters of the text; and ``draw``, where an
explanation has several.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from functools import cached_property
from io import BufferedReader
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from attnprobe.base.errors import InputError, UnreadableError
from attnprobe.base.parquet.bounded_files import opened_parquet
from attnprobe.base.plain_files import open_plain
from attnprobe.data.files.lines import utf8_lines
from attnprobe.data.files.places import listed, place
from attnprobe.erasure.draw_counts import MOST_DRAWS
from attnprobe.explanations.alignment import Given, Listed, Spans
from attnprobe.explanations.names import check_names

_NEEDED = ("document", "name", "score")
_PLACES = (("position",), ("start", "end"))
_WHOLE = ("document", "draw", "position", "start", "end")

_ROWS = 1 << 16
"""Rows that are read at once."""


class _Rows(NamedTuple):
    """Some rows of a file: their numbers from 1 on, and their columns, each (rows,)."""

    numbers: npt.NDArray[np.int64]
    columns: dict[str, npt.NDArray[Any]]

    def where(self, which: npt.NDArray[Any]) -> _Rows:
        """Those of these places, or that are true."""
        return _Rows(self.numbers[which], {name: column[which] for name, column in self.columns.items()})


class ScoreFile:
    """A file of scores, which is read as far as it is needed.

    Args:
        path: of the file.
        content: its hash, where it is known what it has to be.
    """

    def __init__(self, path: Path, content: str | None = None) -> None:
        self.path = path
        self._expected = content

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "_expected": self._expected}

    @cached_property
    def content(self) -> str:
        """The hash of what it holds.

        Raises:
            InputError: it cannot be read, or is another than it has to be.
        """
        try:
            with open_plain(self.path) as file:
                found = hashlib.file_digest(cast(BufferedReader, file), "sha256").hexdigest()
        except OSError as error:
            raise InputError(f"{self.path}: the file cannot be read ({error.strerror}).") from None
        if self._expected not in (None, found):
            raise InputError(f"{self.path} has changed since the run was begun with it.")
        return found

    def draws_by_name(self, documents: int) -> dict[str, int]:
        """How many draws of each explanation there are, in order of first sight; every row is looked at.

        Args:
            documents: how many there are in the split.

        Raises:
            InputError: a row, named by its number, is not as it should be; or a document is missing.
        """
        seen: dict[tuple[str, int], npt.NDArray[np.bool_]] = {}
        for rows in self._rows():
            self._check_documents(rows, documents)
            names, codes = np.unique(rows.columns["name"], return_inverse=True)
            keys = codes * MOST_DRAWS + rows.columns["draw"]
            for key in dict.fromkeys(keys.tolist()):
                drawn = str(names[key // MOST_DRAWS]), key % MOST_DRAWS
                seen.setdefault(drawn, np.zeros(documents, dtype=bool))[rows.columns["document"][keys == key]] = True
        check_names(dict.fromkeys(name for name, _ in seen))
        draws: dict[str, int] = {}
        for name, draw in sorted(seen, key=lambda key: key[1]):
            if draw != draws.get(name, 0):
                raise InputError(
                    f"{self.path}: the explanation {name} has a draw {draw}, but none {draws.get(name, 0)}."
                )
            draws[name] = draw + 1
        for (name, draw), found in seen.items():
            for document in np.flatnonzero(~found)[:1].tolist():
                of = f"draw {draw} of the explanation {name}" if draws[name] > 1 else f"the explanation {name}"
                raise InputError(f"{self.path}: {of} says nothing of document {document}.")
        if not draws:
            raise InputError(f"{self.path}: the file holds no scores.")
        return {name: draws[name] for name, _ in dict.fromkeys((name, 0) for name, _ in seen)}

    def given(self, draws: dict[str, int], numbers: npt.NDArray[np.int64]) -> dict[str, list[list[Given]]]:
        """By name and draw, what is said of the documents of these ascending numbers.

        Raises:
            InputError: as :meth:`draws_by_name`; or a position is there twice, or missing.
        """
        assert self.content, "it is the file that it has to be"
        parts = [rows.where(np.isin(rows.columns["document"], numbers)) for rows in self._rows(numbers)]
        rows = _Rows(
            np.concatenate([part.numbers for part in parts]),
            {name: np.concatenate([part.columns[name] for part in parts]) for name in parts[0].columns},
        )
        return {
            name: [
                self._of_documents(
                    name, rows.where((rows.columns["name"] == name) & (rows.columns["draw"] == draw)), numbers
                )
                for draw in range(draws[name])
            ]
            for name in draws
        }

    def _of_documents(self, name: str, rows: _Rows, numbers: npt.NDArray[np.int64]) -> list[Given]:
        by = ("position", "document") if "position" in rows.columns else ("document",)
        rows = rows.where(np.lexsort([rows.columns[key] for key in by]))
        documents = rows.columns["document"]
        borders = np.searchsorted(documents, numbers), np.searchsorted(documents, numbers, side="right")
        given: list[Given] = []
        for number, first, behind in zip(numbers.tolist(), *borders, strict=True):
            of = rows.where(np.arange(first, behind))
            if "position" not in of.columns:
                given.append(Spans(of.columns["start"], of.columns["end"], of.columns["score"]))
                continue
            wrong = np.flatnonzero(of.columns["position"] != np.arange(len(of.numbers)))[:1]
            for at in wrong.tolist():
                position = int(of.columns["position"][at])
                what = "is there twice" if position < at else f"follows position {at - 1}" if at else "is the first"
                raise InputError(
                    f"{place(self.path, int(of.numbers[at]), 'position')}: of document {number} and the explanation "
                    f"{name} position {position} {what}."
                )
            given.append(Listed(of.columns["score"]))
        return given

    def _check_documents(self, rows: _Rows, documents: int) -> None:
        for row in np.flatnonzero(rows.columns["document"] >= documents)[:1]:
            number = rows.columns["document"][row]
            where = place(self.path, int(rows.numbers[row]), "document")
            raise InputError(f"{where}: there is no document {number}; the test split has 0 to {documents - 1}.")

    def _rows(self, numbers: npt.NDArray[np.int64] | None = None) -> Iterator[_Rows]:
        """All rows, checked one by one; of a Parquet file those of groups that may hold documents of these numbers."""
        try:
            yield from self._of_parquet(numbers) if self.path.suffix == ".parquet" else self._of_lines()
        except UnreadableError as error:
            raise InputError(f"{self.path}: not readable as Parquet ({error}).") from None
        except OSError as error:
            raise InputError(f"{self.path}: the file cannot be read ({error.strerror or error}).") from None

    def _of_parquet(self, numbers: npt.NDArray[np.int64] | None) -> Iterator[_Rows]:
        with opened_parquet(self.path) as file:
            names = self._columns(file.names)
            firsts = np.cumsum([0, *file.rows_of_groups])
            extents = file.extents("document")
            empty = True
            for group, extent in enumerate(extents):
                far = numbers is not None and extent is not None
                if far and not np.any((numbers >= extent[0]) & (numbers <= extent[1])):  # type: ignore[index,operator]
                    continue
                row = int(firsts[group])
                for batch in file.batches(_ROWS, names, [group]):
                    yield self._checked({name: _plain(batch[name]) for name in names}, row)
                    row += len(batch)
                    empty = False
            if empty:
                yield self._checked({name: pa.array([]) for name in names}, 0)

    def _of_lines(self) -> Iterator[_Rows]:
        if self.path.suffix != ".jsonl":
            raise InputError(f"{self.path}: the file's name must end in .parquet or .jsonl.")
        with open_plain(self.path) as file:
            held: list[dict[str, Any]] = []
            names: list[str] | None = None
            row = 0
            for row, line in enumerate(utf8_lines(file, self.path), start=1):
                try:
                    entry = json.loads(line)
                except (ValueError, RecursionError):
                    raise InputError(f"{place(self.path, row)}: not valid JSON.") from None
                if not isinstance(entry, dict):
                    raise InputError(f"{place(self.path, row)}: not a JSON object.")
                names = self._columns(list(entry)) if names is None else names
                held.append(entry)
                if len(held) == _ROWS:
                    yield self._of_objects(held, names, row - len(held))
                    held = []
            if names is None:
                raise InputError(f"{self.path}: the file holds no scores.")
            if held:
                yield self._of_objects(held, names, row - len(held))

    def _of_objects(self, objects: Sequence[dict[str, Any]], names: Sequence[str], before: int) -> _Rows:
        columns = {}
        for name in names:
            kinds: Any = str if name == "name" else int if name in _WHOLE else (int, float)
            for row, entry in enumerate(objects):
                value = entry.get(name)
                if not isinstance(value, kinds) or isinstance(value, bool) or (kinds is int and abs(value) >= 1 << 62):
                    raise InputError(f"{place(self.path, before + row + 1, name)}: {_wanted(name)} is needed.")
            values = [entry[name] for entry in objects]
            columns[name] = pa.array(values) if name in ("name", *_WHOLE) else pa.array([float(v) for v in values])
        return self._checked(columns, before)

    def _columns(self, present: Sequence[str]) -> list[str]:
        """Those of the file that are read."""
        places = [columns for columns in _PLACES if set(columns) <= set(present)]
        if not set(_NEEDED) <= set(present) or len(places) != 1:
            needed = "document, name, score and either position or start and end, perhaps draw"
            raise InputError(f"{self.path} has the columns {listed(present)}, but {needed} are needed.")
        return [*_NEEDED, *places[0], *(["draw"] if "draw" in present else [])]

    def _checked(self, columns: dict[str, pa.Array], before: int) -> _Rows:
        """Columns as arrays of NumPy; raises an InputError that names the first row that is not as it should be."""
        numbers = before + 1 + np.arange(len(columns["score"]))
        made: dict[str, npt.NDArray[Any]] = {"draw": np.zeros(len(numbers), dtype=np.int64)}
        for name, values in columns.items():
            kind = pa.string() if name == "name" else pa.int64() if name in _WHOLE else pa.float64()
            fits = (pa.types.is_string if name == "name" else pa.types.is_integer if name in _WHOLE else _is_number)(
                values.type
            )
            if len(values) and not fits:
                raise InputError(f"{place(self.path, int(numbers[0]), name)}: {_wanted(name)} is needed.")
            try:
                array = values.cast(kind)
            except pa.ArrowException:
                raise InputError(f"{self.path}: the column {name} holds numbers that are too large.") from None
            wrong = pc.is_null(array).to_numpy(zero_copy_only=False)
            made[name] = array.to_numpy(zero_copy_only=False)
            if not wrong.any() and name != "name":
                wrong = ~np.isfinite(made[name]) | ((made[name] < 0) & (name in _WHOLE))
                wrong |= (made[name] >= MOST_DRAWS) & (name == "draw")
            for row in np.flatnonzero(wrong)[:1]:
                raise InputError(f"{place(self.path, int(numbers[row]), name)}: {_wanted(name)} is needed.")
        return _Rows(numbers, made)


def _wanted(name: str) -> str:
    if name == "name":
        return "a name"
    if name == "draw":
        return f"a whole number from 0 to {MOST_DRAWS - 1}"
    return "a whole number from 0 on" if name in _WHOLE else "a finite number"


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind))


def _plain(values: pa.Array) -> pa.Array:
    """Values that stand for themselves, texts as short ones."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    return values.cast(pa.string()) if pa.types.is_large_string(values.type) else values
