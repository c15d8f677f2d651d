"""What a work of several minutes is going to take, said as soon as a piece of it has shown how long it takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic

from attnprobe.execution.work import Done, P, Say, Work

WORTH_SAYING = 30.0
"""Seconds: of less nothing is said."""


class Foretelling(Generic[P]):
    """Told of pieces that are done, it says once how long all of them take.

    Args:
        work: what is done.
        pieces: its pieces.
        workers: how many do it.
        what: it is, in words, for the sentence.
        less: what makes it less.
        say: told of it.

    Attributes:
        pieces: the same, the least one first: so that it is known soon.
    """

    def __init__(self, work: Work[P], pieces: Sequence[P], workers: int, what: str, less: str, say: Say) -> None:
        waiting = [piece for piece in pieces if not work.is_done(piece)]
        self._costs = {piece: max(1, work.cost(piece)) for piece in waiting}
        first = min(waiting, key=self._costs.__getitem__, default=None)
        self.pieces = [piece for piece in pieces if piece == first] + [piece for piece in pieces if piece != first]
        self._workers, self._what, self._less, self._say = workers, what, less, say
        self._said = len(waiting) < 2

    def note(self, done: Done[P]) -> None:
        """A piece is done."""
        cost = self._costs.get(done.piece)
        if self._said or cost is None:
            return
        self._said = True
        seconds = done.seconds / cost * (sum(self._costs.values()) - cost) / min(self._workers, len(self._costs))
        if seconds >= WORTH_SAYING:
            self._say(f"{self._what}: about {in_words(seconds)}; {self._less}.")


def in_words(seconds: float) -> str:
    """A time of half a minute or more, roughly.

    >>> in_words(42), in_words(380), in_words(9000)
    ('40 seconds', '6 minutes', '2.5 hours')
    """
    if seconds < 90:
        return f"{round(seconds, -1):.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"
