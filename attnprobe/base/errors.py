"""Errors that end a command in one sentence: those that the person at the terminal can mend, and work that failed."""

from __future__ import annotations

import errno

from attnprobe.base.visible import in_print

LONGEST = 480
"""Characters of a message: what a file says may be quoted in it, and must not swamp a terminal."""

_END = 120

_MENDED_BY_ANOTHER_NAME = frozenset(
    {
        *(errno.ENOENT, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENOTEMPTY),
        *(errno.ELOOP, errno.ENAMETOOLONG, errno.EROFS, errno.EXDEV, errno.EINVAL, errno.ENXIO, errno.ENODEV),
    }
)
"""What the system says of a file that is not what the user took it for."""


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


class UnreadableError(ValueError):
    """A file is damaged, or not of the kind that it should be; the message says how, as a clause of a sentence."""


class SolverError(RuntimeError):
    """A program could not be solved, or its solution does not stand up to the check."""


class FailedError(InputError):
    """Work failed, though nothing that the user gave is wrong: a disk is full, workers are killed again and again."""


class DocumentError(InputError):
    """One document cannot be used, though others can: where documents may be left out, it is."""


def error_of(error: OSError, sentence: str) -> InputError:
    """The sentence as the error that it is: of a full disk another one than of a file that is not there."""
    return (InputError if error.errno in _MENDED_BY_ANOTHER_NAME else FailedError)(sentence)
