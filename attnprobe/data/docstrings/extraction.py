"""Docstrings out of source files, as prose that does not name its package; worker processes run this."""

from __future__ import annotations

import ast
import doctest
import re
import warnings
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from attnprobe.data.docstrings.sources import SourceFile

FEWEST_WORDS, MOST_WORDS = 20, 250
MASK = "packagename"  # one token to spaCy
NAMES = re.compile(
    r"\b(python|cpython|numpy|np|scipy|sp|pandas|pd|matplotlib|mpl|plt|pyplot|torch|pytorch)\b", re.IGNORECASE
)


class Docstring(NamedTuple):
    """The prose of one docstring, and the file that it stands in."""

    class_name: str
    module: str
    text: str


def extract_docstrings(files: Sequence[SourceFile]) -> list[Docstring]:
    """The docstrings of the files that have 20 to 250 words of prose; files that do not parse have none."""
    return [
        Docstring(file.class_name, file.module, text)
        for file in files
        for docstring in _docstrings(file)
        if (text := prose(docstring)) is not None
    ]


def prose(docstring: str) -> str | None:
    """A docstring without examples, the names of the classes masked, in one line; None if it does not serve.

    >>> prose("Too short to be of use to numpy users.") is None
    True
    """
    if ">>>" in docstring:
        try:
            pieces = doctest.DocTestParser().parse(docstring)
        except ValueError:  # examples that doctest cannot tell from prose
            return None
        docstring = " ".join(piece for piece in pieces if isinstance(piece, str))
    words = NAMES.sub(MASK, docstring).split()
    text = " ".join(words)
    return text if FEWEST_WORDS <= len(words) <= MOST_WORDS and text.isprintable() else None


def _docstrings(file: SourceFile) -> Iterator[str]:
    try:
        with warnings.catch_warnings(action="ignore"):
            tree = ast.parse(file.path.read_bytes())
    except (SyntaxError, ValueError, RecursionError, OSError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = ast.get_docstring(node)
            if docstring:
                yield docstring
