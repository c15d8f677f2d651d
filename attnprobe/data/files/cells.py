"""What may stand in the label and the text of a record."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from attnprobe.base.bounds import LONGEST_LABEL, LONGEST_TEXT
from attnprobe.base.errors import InputError
from attnprobe.data.files.places import place
from attnprobe.data.tokens.given_tokens import GivenTokens, Text, as_string


def checked_text(value: object, path: Path, row: int, column: str, *, given_tokens: bool = False) -> Text:
    """The text of a document: a string, or given tokens where it is a list of them.

    Args:
        value: of the cell.
        path, row, column: where it stands.
        given_tokens: whether a string, too, is tokens, which whitespace separates.

    Raises:
        InputError: it is neither string nor number nor a list of strings; it, or a token of the list, is blank or holds
            a character that no text holds; or it is too long.
    """
    text: Text
    if isinstance(value, list) and value:
        text = GivenTokens.of_list([_checked_token(token, i, path, row, column) for i, token in enumerate(value)])
    else:
        text = _as_string(value, "text", path, row, column)
        if given_tokens:
            text = GivenTokens.of_text(text)
    characters = len(as_string(text))
    if characters > LONGEST_TEXT:
        raise InputError(
            f"{place(path, row, column)}: the text has {characters:,} characters; "
            f"a document may have {LONGEST_TEXT:,} at most."
        )
    return text


def _checked_token(token: object, number: int, path: Path, row: int, column: str) -> str:
    if not isinstance(token, str):
        found = "missing" if token is None else f"of type {type(token).__name__}"
        raise InputError(
            f"{place(path, row, column)}: the text is a list, and its entry {number} is {found}; "
            "every one must be a token, a string."
        )
    return _as_string(token, f"token {number} of the list", path, row, column)


def checked_label(value: object, path: Path, row: int, column: str, classes: Sequence[str] = ()) -> str:
    """The label of a document, as a string; 3.0 becomes ``"3"``, and True ``"True"``.

    Args:
        value: of the cell.
        path, row, column: where it stands.
        classes: what the file says that numbers stand for.

    Raises:
        InputError: it is neither string nor number nor Boolean, blank, or holds a character that no text holds; or it
            is too long, or a number that stands for no class.
    """
    if isinstance(value, bool):
        value = str(value)
    if classes and isinstance(value, int):
        if not 0 <= value < len(classes):
            raise InputError(
                f"{place(path, row, column)}: the label is {value}, but the file names {len(classes):,} classes, 0 to "
                f"{len(classes) - 1:,}."
            )
        value = classes[value]
    label = _as_string(value, "label", path, row, column)
    if len(label) > LONGEST_LABEL:
        raise InputError(
            f"{place(path, row, column)}: the label has {len(label):,} characters; "
            f"the name of a class may have {LONGEST_LABEL:,} at most."
        )
    return label


def _as_string(value: object, kind: str, path: Path, row: int, column: str) -> str:
    if isinstance(value, str) and value.isascii() and "\0" not in value and value and not value.isspace():
        return value  # nearly every one
    if isinstance(value, float) and math.isnan(value):
        value = None  # how tables of numbers write that nothing is there
    if value is None or value == [] or (isinstance(value, str) and (not value or value.isspace())):
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
