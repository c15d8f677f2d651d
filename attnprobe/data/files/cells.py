"""What may stand in the label and the text of a record."""

from __future__ import annotations

import math
from pathlib import Path

from attnprobe.data.files.places import place
from attnprobe.errors import InputError

LONGEST_TEXT = 1_000_000  # characters, which is also where spaCy draws the line


def checked_text(value: object, path: Path, row: int, column: str) -> str:
    """The text of a document, as a string.

    Raises:
        InputError: it is neither string nor number, blank, too long, or holds a character that no text holds.
    """
    text = _as_string(value, "text", path, row, column)
    if len(text) > LONGEST_TEXT:
        raise InputError(
            f"{place(path, row, column)}: the text has {len(text):,} characters; "
            f"a document may have {LONGEST_TEXT:,} at most."
        )
    return text


def checked_label(value: object, path: Path, row: int, column: str) -> str:
    """The label of a document, as a string; 3.0 becomes ``"3"``.

    Raises:
        InputError: it is neither string nor number, blank, or holds a character that no text holds.
    """
    return _as_string(value, "label", path, row, column)


def _as_string(value: object, kind: str, path: Path, row: int, column: str) -> str:
    if isinstance(value, str) and value.isascii() and "\0" not in value and value and not value.isspace():
        return value  # nearly every one
    if isinstance(value, float) and math.isnan(value):
        value = None  # how tables of numbers write that nothing is there
    if value is None or (isinstance(value, str) and (not value or value.isspace())):
        raise InputError(f"{place(path, row, column)}: the {kind} is empty.")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        found = {dict: "an object", list: "a list", bool: "true or false"}.get(type(value), type(value).__name__)
        raise InputError(f"{place(path, row, column)}: the {kind} must be a string or a number, not {found}.")
    string = str(value)
    if "\0" in string:
        raise InputError(f"{place(path, row, column)}: the {kind} holds a NUL character.")
    try:
        string.encode()
    except UnicodeEncodeError:
        raise InputError(f"{place(path, row, column)}: the {kind} holds half a surrogate pair.") from None
    return string
