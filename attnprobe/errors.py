"""Errors that the person at the terminal can mend; the command line prints them and exits with status 2."""

from __future__ import annotations

LONGEST = 480
"""Characters of a message: what a file says may be quoted in it, and must not swamp a terminal."""

_END = 120


class InputError(Exception):
    """Something the user gave cannot be used; the message is one sentence that names file, row and column.

    Characters that would break the line or steer a terminal are escaped; of a longer message the middle is left out.
    """

    def __init__(self, sentence: str) -> None:
        line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in sentence)
        if len(line) > LONGEST:
            line = f"{line[: LONGEST - _END - 1]}…{line[-_END:]}"
        super().__init__(line)
