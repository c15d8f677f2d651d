"""Output that may end before the work does: a reader that has gone, as with ``| head -1``, stops nothing.

Every word to a pipe that is closed at its other end is an error. Here it is said to nobody instead, and the work goes
on to its end: results and exit status are those of the work, whoever listens.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

STREAMS = {"stdout": 1, "stderr": 2}
"""Names in ``sys``, and the numbers that they have in every process."""

OF_NUMBERS = {1: "standard output", 2: "standard error"}
"""What messages call them."""


@contextlib.contextmanager
def output_that_may_end() -> Iterator[None]:
    """Within, standard output and standard error may be closed pipes, terminals that are gone, or not there at all.

    From the first word on that nobody can receive, what is written there goes nowhere: what this process says, what
    libraries say on their own, and what processes say that are started afterwards. Other failures to write, such as to
    a full disk, are errors, once.
    """
    with contextlib.ExitStack() as stack:
        for name, number in STREAMS.items():
            stream = getattr(sys, name)
            if stream is None:  # closed before we came: the next file that is opened would get its number
                _lead_nowhere(number)
            if stream is None or _is_of(stream, number):
                stack.enter_context(_replaced(name, number, stream))
        yield


@contextlib.contextmanager
def _replaced(name: str, number: int, former: io.TextIOWrapper | None) -> Iterator[None]:
    """The stream with another one over the same file in its place."""
    if former is not None:
        with contextlib.suppress(OSError):  # whoever does not hear this does not hear the rest
            former.flush()
    stream = io.TextIOWrapper(
        io.BufferedWriter(_MayEnd(number, "wb", closefd=False)),
        encoding="utf-8" if former is None else former.encoding,
        errors="backslashreplace" if former is None else former.errors,
        line_buffering=True,  # a run takes minutes: what it says is to be seen as it goes, also behind a pipe
    )
    setattr(sys, name, stream)
    try:
        yield
    finally:
        try:
            stream.flush()
        finally:
            if getattr(sys, name) is stream:
                setattr(sys, name, former)


class _MayEnd(io.FileIO):
    """A file that is written to as long as someone is there to read it."""

    def __init__(self, file: int, mode: str, *, closefd: bool) -> None:
        super().__init__(file, mode, closefd=closefd)
        # A terminal that has hung up answers like a broken disk, which a file must go on to tell of.
        self._at_the_end = {errno.EPIPE, errno.EIO} if self.isatty() else {errno.EPIPE}

    def write(self, content: ReadableBuffer, /) -> int:
        try:
            return super().write(content)
        except OSError as error:
            # What was not written would be tried again, and fail again when the process ends.
            _lead_nowhere(self.fileno())
            if error.errno not in self._at_the_end:
                raise OSError(error.errno, error.strerror, OF_NUMBERS[self.fileno()]) from None
        return super().write(content)


def _lead_nowhere(number: int) -> None:
    """Let a file's number stand for the one that swallows everything."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    if nowhere != number:
        os.dup2(nowhere, number)
        os.close(nowhere)


def _is_of(stream: object, number: int) -> bool:
    """Whether a stream is the process's own, and not one that someone has put in its place."""
    try:
        return isinstance(stream, io.TextIOWrapper) and stream.fileno() == number
    except (OSError, ValueError):
        return False
