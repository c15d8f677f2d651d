"""Docstrings out of source files, as prose that does not name its package; worker processes run this."""

from __future__ import annotations

import doctest
import inspect
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from attnprobe.data.docstrings.parsing import is_python, parsed_docstrings
from attnprobe.data.docstrings.scanning import CannotTell, scanned_docstrings
from attnprobe.data.docstrings.sources import SourceFile

FEWEST_WORDS, MOST_WORDS = 20, 250
MASK = "packagename"  # one token to spaCy
NAMES = re.compile(
    r"\b(python|cpython|numpy|np|scipy|sp|pandas|pd|matplotlib|mpl|plt|pyplot|torch|pytorch)\b", re.IGNORECASE
)
OTHER_ENCODING = re.compile(r"(?:[^\n]*\n)?[^\n]*coding[:=](?![ \t]*utf-8\b)")


class Docstring(NamedTuple):
    """The prose of one docstring, and the file that it stands in."""

    class_name: str
    module: str
    text: str


def extract_docstrings(files: Sequence[SourceFile]) -> list[Docstring]:
    """The docstrings of the files that have 20 to 250 words of prose; files that do not parse have none."""
    return [Docstring(file.class_name, file.module, text) for file in files for text in _texts(file)]


def prose(docstring: str) -> str | None:
    """A docstring without examples, the names of the classes masked, in one line; None if it does not serve.

    >>> prose("Too short to be of use to numpy users.") is None
    True
    """
    words = docstring.split()
    if len(words) >= FEWEST_WORDS and ">>>" in docstring:
        try:
            pieces = doctest.DocTestParser().parse(inspect.cleandoc(docstring))
        except ValueError:  # examples that doctest cannot tell from prose
            return None
        words = " ".join(piece for piece in pieces if isinstance(piece, str)).split()
    if not FEWEST_WORDS <= len(words) <= MOST_WORDS:
        return None
    text = " ".join(map(_masked, words))
    return text if text.isprintable() else None


@lru_cache(maxsize=100_000)
def _masked(word: str) -> str:
    return NAMES.sub(MASK, word)


def _texts(file: SourceFile) -> list[str]:
    """The prose that serves, in the order of the definitions."""
    try:
        content = file.path.read_bytes()
        source = _decoded(content)
        texts = _that_serve(scanned_docstrings(source))
    except OSError:
        return []
    except CannotTell:
        return _that_serve(parsed_docstrings(content))
    return texts if texts and is_python(file.path, source) else []


def _that_serve(docstrings: Iterable[str]) -> list[str]:
    return [text for docstring in docstrings if (text := prose(docstring)) is not None]


def _decoded(content: bytes) -> str:
    """As Python decodes a source file.

    Raises:
        CannotTell: it is not plain UTF-8, or says so in a way that only Python understands.
    """
    try:
        source = content.decode()
    except UnicodeDecodeError as error:
        raise CannotTell from error
    if "\r" in source:
        source = source.replace("\r\n", "\n").replace("\r", "\n")
    if "\0" in source or source.startswith("\ufeff") or OTHER_ENCODING.match(source):
        raise CannotTell
    return source
