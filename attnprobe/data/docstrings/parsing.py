"""Whether a file is Python, and its docstrings as Python's parser has them."""

from __future__ import annotations

import ast
import importlib.util
import symtable
import warnings
from collections.abc import Iterator
from pathlib import Path

_NOT_PYTHON = (SyntaxError, ValueError, RecursionError, MemoryError)
"""What the parser raises; the last two of a text that is nested deeper than it can go."""


def is_python(path: Path, source: str) -> bool:
    """Whether Python can parse what a file holds: it has compiled it before, or can."""
    return _was_compiled(path) or _can_be_parsed(source)


def parsed_docstrings(content: bytes) -> list[str]:
    """The docstrings of a module and of its classes and functions, in the order of their definitions.

    A file that is not Python has none.
    """
    try:
        with warnings.catch_warnings(action="ignore"):
            tree = ast.parse(content)
    except _NOT_PYTHON:
        return []
    return [docstring for node in _definitions(tree) if (docstring := ast.get_docstring(node, clean=False)) is not None]


def _definitions(tree: ast.Module) -> Iterator[ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]:
    """Those and no expressions are gone through: an expression holds no definitions."""
    ahead: list[ast.AST] = [tree]
    while ahead:
        node = ahead.pop()
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
        for field in ("finalbody", "orelse", "cases", "handlers", "body"):  # backwards
            ahead.extend(reversed(getattr(node, field, ())))


def _was_compiled(path: Path) -> bool:
    """Whether the interpreter keeps what it made of the file as it is: it would import that without parsing."""
    try:
        status = path.stat()
        compiled = Path(importlib.util.cache_from_source(str(path), optimization=""))
        with compiled.open("rb") as file:
            head = file.read(16)
    except (OSError, NotImplementedError):
        return False
    made_of = (int(status.st_mtime) & 0xFFFFFFFF, status.st_size & 0xFFFFFFFF)
    by_time = bytes(4)
    return head == importlib.util.MAGIC_NUMBER + by_time + b"".join(n.to_bytes(4, "little") for n in made_of)


def _can_be_parsed(source: str) -> bool:
    try:
        with warnings.catch_warnings(action="ignore"):
            symtable.symtable(source, "", "exec")  # parses in half of the time that ast.parse takes
    except _NOT_PYTHON:
        try:
            with warnings.catch_warnings(action="ignore"):
                ast.parse(source)  # which takes what is refused only later, such as `nonlocal` in a module
        except _NOT_PYTHON:
            return False
    return True
