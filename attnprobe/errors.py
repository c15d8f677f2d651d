"""Errors that the person at the terminal can mend; the command line prints them and exits with status 2."""

from __future__ import annotations

from attnprobe.visible import in_print

LONGEST = 480
"""Characters of a message: what a file says may be quoted in it, and must not swamp a terminal."""

_END = 120


class InputError(Exception):
    """Something the user gave cannot be used; the message is one sentence that names file, row and column.

    Characters that would break the line or steer a terminal are made visible, and so is all else that cannot be
    printed; of a longer message the middle is left out.
    """

    def __init__(self, sentence: str) -> None:
        line = in_print(sentence)
        if len(line) > LONGEST:
            line = f"{line[: LONGEST - _END - 1]}…{line[-_END:]}"
        super().__init__(line)
