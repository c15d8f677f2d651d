"""Human rationales beside a split: which stretches of its documents people marked as reasons for the label.

``<split>.rationales.jsonl`` is of one annotator, ``<split>.rationales_<annotator>.jsonl`` of a further one. A line is
an object with ``row``, the document's number in the split from 0; ``spans``, a list of [start, end], the end exclusive;
and perhaps ``unit``, what spans count: ``token``, the default, or ``character``. A document's tokens are those of its
list, or what whitespace separates in its text, whatever words a model makes of these. A document that an annotator did
not look at has no line; one in which nothing is marked has no spans.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt

from attnprobe.base.bounds import MOST_ANNOTATORS
from attnprobe.base.errors import InputError
from attnprobe.base.plain_files import open_plain
from attnprobe.data.documents import runs
from attnprobe.data.files.columns import WantedColumns
from attnprobe.data.files.file_names import beside
from attnprobe.data.files.lines import utf8_lines
from attnprobe.data.files.places import listed, place, quoted
from attnprobe.data.files.reading import read_texts
from attnprobe.data.tokens.given_tokens import GivenTokens, Text, as_string

TOKEN, CHARACTER = UNITS = ("token", "character")
"""What spans may count."""

FIRST = "first"
"""What the annotator of ``<split>.rationales.jsonl`` is called."""

LONGEST_ANNOTATOR = 40
"""Characters of an annotator's name."""

_KEYS = ("row", "spans")
_NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9_.+-]{{0,{LONGEST_ANNOTATOR - 1}}}")

Numbers = npt.NDArray[np.int64]


class MarkedSpans(NamedTuple):
    """What an annotator marked, in characters of documents' texts.

    Attributes:
        documents: numbers, ascending, of those that the annotator looked at (documents,).
        offsets: document d has the spans ``[offsets[d], offsets[d + 1])`` (documents + 1,).
        starts, ends: of the spans, the end exclusive (spans,).
    """

    documents: Numbers
    offsets: Numbers
    starts: Numbers
    ends: Numbers

    def of(self, numbers: Numbers) -> MarkedSpans:
        """Those of the documents of these ascending numbers, which are then numbered from 0 on."""
        _, taken, places = np.intersect1d(self.documents, numbers, assume_unique=True, return_indices=True)
        counts = np.diff(self.offsets)[taken]
        spans = runs(self.offsets[taken], counts)
        offsets = np.concatenate([[0], np.cumsum(counts)])
        return MarkedSpans(places.astype(np.int64), offsets, self.starts[spans], self.ends[spans])


@dataclass(frozen=True, eq=False)
class Rationales:
    """The rationales of a split.

    Attributes:
        content: the hash of the files, and of their names.
        annotators: by name, what each of them marked.
    """

    content: str
    annotators: Mapping[str, MarkedSpans]

    def of(self, numbers: Numbers) -> Rationales:
        """Those of the documents of these ascending numbers, which are then numbered from 0 on."""
        return Rationales(self.content, {name: spans.of(numbers) for name, spans in self.annotators.items()})


def read_rationales(split: Path, wanted: WantedColumns, further: Sequence[Path] = ()) -> Rationales | None:
    """The rationales beside the file of a split, which is read once for its tokens; None where there are none.

    Args:
        split: its file.
        wanted: its columns.
        further: files with further parts of it.

    Raises:
        InputError: a file of rationales cannot be used; the message names file and row.
    """
    files = _files_beside(split)
    if not files:
        return None
    digest = hashlib.sha256()
    lines = {}
    for name, path in files.items():
        try:
            digest.update(f"{path.name}\n{_content(path)}\n".encode())
            lines[name] = _lines(path)
        except OSError as error:
            raise InputError(f"{path}: the file cannot be read ({error.strerror or error}).") from None
    in_characters: dict[str, dict[int, Numbers]] = {name: {} for name in files}
    documents = 0
    for number, text in enumerate(read_texts(split, wanted, further)):
        documents = number + 1
        for name, path in files.items():
            line = lines[name].pop(number, None)
            if line is not None:
                in_characters[name][number] = _in_characters(path, line, number, text)
    for name, path in files.items():
        for line in lines[name].values():
            raise InputError(
                f"{place(path, line.row, 'row')}: there is no document {line.document}; {split.name} has 0 to "
                f"{documents - 1}."
            )
    return Rationales(digest.hexdigest(), {name: _joined(spans) for name, spans in in_characters.items()})


class _Line(NamedTuple):
    """A line of a file: its number from 1, the document, its spans (spans, 2), and what they count."""

    row: int
    document: int
    spans: Numbers
    unit: str


def _files_beside(split: Path) -> dict[str, Path]:
    """Files of rationales by annotator, the one without a name first, the others by name."""
    folder, stem = beside(split)
    files: dict[str, Path] = {}
    for path in sorted(folder.glob(f"{stem}.rationales*.jsonl")):
        rest = path.name.removeprefix(f"{stem}.rationales").removesuffix(".jsonl")
        name = rest[1:] if rest.startswith("_") else rest or FIRST
        if not _NAME.fullmatch(name) or (rest and not rest.startswith("_")):
            raise InputError(
                f"{path}: the file of an annotator's rationales is called {stem}.rationales_NAME.jsonl, with a name of "
                f"up to {LONGEST_ANNOTATOR} letters, digits, dots, hyphens, plus signs and underscores, the first of "
                "which is a letter or a digit."
            )
        if name in files:
            raise InputError(f"{path}: the annotator of {files[name].name} is called {name!r}, too.")
        files[name] = path
    if len(files) > MOST_ANNOTATORS:
        raise InputError(f"{folder}: {len(files)} annotators have files beside {split.name}; {MOST_ANNOTATORS} may.")
    return dict(sorted(files.items(), key=lambda file: (file[0] != FIRST, file[0])))


def _content(path: Path) -> str:
    with open_plain(path) as file:
        return hashlib.file_digest(cast(BufferedReader, file), "sha256").hexdigest()


def _lines(path: Path) -> dict[int, _Line]:
    """The lines of a file by document, each as it should be by itself."""
    found: dict[int, _Line] = {}
    with open_plain(path) as file:
        for row, text in enumerate(utf8_lines(file, path), start=1):
            line = _line(path, row, text)
            before = found.setdefault(line.document, line)
            if before is not line:
                raise InputError(
                    f"{place(path, row, 'row')}: document {line.document} is there twice, first in row {before.row}."
                )
    if not found:
        raise InputError(f"{path}: the file holds no rationales.")
    return found


def _parsed(path: Path, row: int, text: str) -> dict[str, Any]:
    """A line as a JSON object in which no key is there twice."""

    def of_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        for key, times in Counter(key for key, _ in pairs).items():
            if times > 1:
                raise InputError(f"{place(path, row)}: the key {quoted(key)} is there {times} times.")
        return dict(pairs)

    try:
        entry = json.loads(text, object_pairs_hook=of_pairs)
    except (ValueError, RecursionError):
        raise InputError(f"{place(path, row)}: not valid JSON.") from None
    if not isinstance(entry, dict):
        raise InputError(f"{place(path, row)}: not a JSON object.")
    return entry


def _line(path: Path, row: int, text: str) -> _Line:
    entry = _parsed(path, row, text)
    for key in _KEYS:
        if key not in entry:
            raise InputError(f"{place(path, row)}: the key {quoted(key)} is missing; the keys are {listed(entry)}.")
    document, unit = entry["row"], entry.get("unit", TOKEN)
    if not _is_count(document):
        raise InputError(f"{place(path, row, 'row')}: the number of a document is needed, a whole number from 0 on.")
    if not isinstance(unit, str):
        raise InputError(f"{place(path, row, 'unit')}: a text is needed, one of {listed(UNITS)}.")
    if unit not in UNITS:
        raise InputError(f"{place(path, row, 'unit')}: {quoted(unit)} is none of {listed(UNITS)}.")
    spans = entry["spans"]
    if not isinstance(spans, list) or not all(
        isinstance(span, list) and len(span) == 2 and all(map(_is_count, span)) for span in spans
    ):
        raise InputError(
            f"{place(path, row, 'spans')}: a list of spans [start, end] is needed, whole numbers from 0 on."
        )
    return _Line(row, document, np.array(spans, dtype=np.int64).reshape(-1, 2), unit)


def _is_count(value: Any) -> bool:  # noqa: ANN401
    return type(value) is int and 0 <= value < 1 << 62


def _in_characters(path: Path, line: _Line, number: int, text: Text) -> Numbers:
    """Spans (spans, 2) in characters of the document's text; raises an InputError where one is none of it."""
    whole = as_string(text)
    size, starts, ends = len(whole), np.arange(len(whole)), np.arange(len(whole)) + 1
    if line.unit == TOKEN:
        given = text if isinstance(text, GivenTokens) else GivenTokens.of_text(text)
        size, starts = len(given.tokens), np.array(given.starts, dtype=np.int64)
        ends = starts + np.array([len(token) for token in given.tokens], dtype=np.int64)
    first, behind = line.spans.T
    for span in np.flatnonzero((behind <= first) | (behind > size))[:1].tolist():
        raise InputError(
            f"{place(path, line.row, 'spans')}: the span [{first[span]}, {behind[span]}) is none of document {number}, "
            f"which has {size:,} {line.unit}s."
        )
    return np.stack([starts[first], ends[behind - 1]], axis=1)


def _joined(spans: Mapping[int, Numbers]) -> MarkedSpans:
    """Of spans (spans, 2) by document, in order of document."""
    starts, ends = np.concatenate([*spans.values(), np.empty((0, 2), dtype=np.int64)]).T
    counts = np.array([len(each) for each in spans.values()], dtype=np.int64)
    return MarkedSpans(
        np.array(list(spans), dtype=np.int64),
        np.concatenate([[0], np.cumsum(counts)]),
        np.ascontiguousarray(starts),
        np.ascontiguousarray(ends),
    )
