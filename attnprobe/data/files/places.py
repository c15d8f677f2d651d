"""How messages name a place in the user's files."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

LONGEST_QUOTATION = 60


def place(path: Path, row: int | None = None, column: str | None = None) -> str:
    """File, row and column as a message begins with them.

    >>> place(Path("train.tsv"), 3, "text")
    "train.tsv, row 3, column 'text'"
    """
    parts = [str(path)]
    if row is not None:
        parts.append(f"row {row}")
    if column is not None:
        parts.append(f"column {quoted(column)}")
    return ", ".join(parts)


def quoted(text: str) -> str:
    """``text`` in quotation marks, cut where it would swamp a message.

    >>> quoted("positive")
    "'positive'"
    """
    if len(text) > LONGEST_QUOTATION:
        text = text[: LONGEST_QUOTATION - 1] + "…"
    return repr(text)


def listed(names: Iterable[str], most: int = 12) -> str:
    """``names`` in quotation marks with commas between them, the first ``most`` of them."""
    names = list(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(quoted, names[:most])) + more


def nearest(name: str, names: Iterable[str]) -> str:
    """A question that offers the names closest to ``name``, after a space; empty if none is close."""
    near = nearest_names(name, names)
    return f" Did you mean {' or '.join(map(quoted, near))}?" if near else ""


def nearest_names(name: str, names: Iterable[str]) -> list[str]:
    """The names closest to ``name``, the closest first; none where none is close."""
    return difflib.get_close_matches(name, list(names), n=3, cutoff=0.5)
