"""JSON that somebody else sends: parsed within bounds, and refused in one sentence where it is anything unusual."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from attnprobe.base.errors import InputError

MOST_BYTES = 256 * 1024
"""Of the body of a request."""

DEEPEST = 6
"""Levels of lists and objects: an edit has five."""


class RequestError(InputError):
    """What was asked cannot be answered as it was asked; the message is one sentence."""


def parsed(body: bytes) -> dict[str, Any]:
    """The object that the body of a request is.

    Raises:
        RequestError: it is too long, no JSON or no object, is nested too deeply, names a key twice, or holds a number
            that JSON does not know.

    >>> parsed(b'{"layer": 0}')
    {'layer': 0}
    """
    if len(body) > MOST_BYTES:
        raise RequestError(f"The request has {len(body):,} bytes, and may have {MOST_BYTES:,}.")
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise RequestError("The request is no UTF-8.") from None
    _check_depth(text)
    try:
        found = json.loads(text, object_pairs_hook=_without_repetition, parse_constant=_no_constant)
    except RequestError:
        raise
    except (ValueError, RecursionError):  # among them numbers of too many digits
        raise RequestError("The request is no JSON.") from None
    if not isinstance(found, dict):
        raise RequestError("The request is no JSON object.")
    return found


def _check_depth(text: str) -> None:
    """See that brackets, those within strings left out, are not nested too deeply: before the parser meets them."""
    depth, in_string, escaped = 0, False, False
    for character in text:
        if in_string:
            in_string = escaped or character != '"'
            escaped = not escaped and character == "\\"
        elif character == '"':
            in_string = True
        elif character in "[{":
            depth += 1
            if depth > DEEPEST:
                raise RequestError(f"The request is nested more than {DEEPEST} levels deep.")
        elif character in "]}":
            depth -= 1


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise RequestError("The request names a key twice.")
    return found


def _no_constant(name: str) -> NoReturn:
    raise RequestError(f"The request holds {name}, which is no number of JSON.")
