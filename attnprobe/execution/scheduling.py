"""Seeing to it that every piece of a work is done, or divided until what cannot be done is left out by itself."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, NoReturn

from tqdm import tqdm

from attnprobe.base.errors import FailedError
from attnprobe.base.progress_bars import progress_bar
from attnprobe.base.stopping import stopped_by_signals
from attnprobe.execution.work import Done, Executor, Outcome, P, Say, Work

ATTEMPTS = 2
"""At a piece, before it is divided or left out."""

MOST_LOST_BEFORE_ANY_IS_DONE = 32
"""Indivisible pieces; where so many fail and no piece has ever been done, it is not for what is in them."""


def carry_out(
    work: Work[P],
    pieces: Sequence[P],
    executor: Executor,
    say: Say,
    note: Callable[[Done[P]], None] = lambda done: None,
) -> dict[P, str]:
    """Do every piece that is not done yet.

    A piece is attempted twice, then divided, and its parts are treated alike; an indivisible piece that fails twice is
    left out. When all of a divided piece's parts are done or left out, and it has no others, they are joined. The
    executor is closed at the end, however that comes; it is not even started where nothing is left to do. SIGTERM is
    met as Ctrl-C is.

    Args:
        work: what is to be done.
        pieces: its pieces, in the order in which they are to be begun.
        executor: who does them.
        say: told of every failure, and what happens next, in one line.
        note: told of every piece that a worker has finished (not of those made by joining).

    Returns:
        the indivisible pieces that are left out, and why, in the order of the pieces; none of an earlier run.

    Raises:
        InputError, OSError: a failure that is no piece's fault; what is finished is kept.
        StoppedError: Ctrl-C or SIGTERM; the same.
    """
    schedule = _Schedule(work, pieces, say, note)
    with _bar(schedule.all_cost, schedule.settled_cost, work.of) as bar, stopped_by_signals(), executor:
        schedule.tell_progress_to(bar)
        begun = False
        while True:
            while schedule.under_way < executor.workers and (piece := schedule.next_piece()) is not None:
                if not begun:
                    executor.start(work, schedule.say)
                    begun = True
                executor.submit(piece)
            if not schedule.under_way:
                return schedule.lost
            schedule.heed(executor.next())


@dataclass
class _Divided(Generic[P]):
    """A piece that is done in parts: those known so far, how many are open, and what is lost of the others."""

    parts: list[P] = field(default_factory=list)
    open: int = 0
    lost: dict[P, dict[P, str]] = field(default_factory=dict)


class _Schedule(Generic[P]):
    """Which pieces wait, which are under way, and what is known of those that failed."""

    def __init__(self, work: Work[P], pieces: Sequence[P], say: Say, note: Callable[[Done[P]], None]) -> None:
        self.work = work
        self.note = note
        self.under_way = 0
        self._say = say
        self._bar: tqdm[NoReturn] | None = None
        self._failures: dict[P, int] = {}
        self._divided: dict[P, _Divided[P]] = {}
        self._whole: dict[P, P] = {}  # of a part, the piece that it is a part of
        self._lost_of: dict[P, dict[P, str]] = {}  # by whole piece
        self._losses = 0
        self._pieces = pieces = list(dict.fromkeys(pieces))
        self._waiting = deque(piece for piece in pieces if not work.is_done(piece))
        self._any_done = len(self._waiting) < len(pieces)
        self.all_cost = sum(map(work.cost, pieces))
        self.settled_cost = self.all_cost - sum(map(work.cost, self._waiting))

    @property
    def lost(self) -> dict[P, str]:
        """The indivisible pieces that are left out, and why, in the order of the pieces."""
        return _merged(self._lost_of, self._pieces)

    def tell_progress_to(self, bar: tqdm[NoReturn]) -> None:
        """From now on."""
        self._bar = bar

    def say(self, line: str) -> None:
        """A line above the bar."""
        if self._bar is not None:
            self._bar.clear()
        self._say(line)

    def next_piece(self) -> P | None:
        """The piece to be begun next, which is under way from now on; None where none waits."""
        while self._waiting:
            piece = self._waiting.popleft()
            # Its worker may have died after it had written the file and before it could say so.
            if piece in self._failures and self.work.is_done(piece):
                self._done(piece)
                continue
            self.under_way += 1
            return piece
        return None

    def heed(self, outcome: Outcome[P]) -> None:
        """Take note of what became of a piece."""
        self.under_way -= 1
        if outcome.failure is None:
            self.note(Done(outcome.piece, outcome.seconds, outcome.cpu_seconds, outcome.worker))
            self._done(outcome.piece)
        else:
            self._failed(outcome.piece, outcome.failure)

    def _done(self, piece: P) -> None:
        self._any_done = True
        self._failures.pop(piece, None)
        self._advance(piece)
        self._settle(piece, {})

    def _failed(self, piece: P, reason: str) -> None:
        name = self.work.name(piece)
        self._failures[piece] = self._failures.get(piece, 0) + 1
        if self._failures[piece] < ATTEMPTS:
            self.say(f"{name}: {reason}; again.")
            self._waiting.appendleft(piece)
            return
        del self._failures[piece]
        parts = self.work.parts(piece)
        if parts:
            self.say(f"{name}: {reason}; split into {len(parts)}.")
            self._divide(piece, parts)
        else:
            self.say(f"{name}: {reason}; left out.")
            self._lose(piece, reason)

    def _divide(self, piece: P, parts: list[P]) -> None:
        """Have parts done; those named before are done or lost, and the piece is joined when there are no others."""
        divided = self._divided.setdefault(piece, _Divided())
        new = [part for part in parts if part not in divided.parts]
        divided.parts += new
        todo = [part for part in new if not self.work.is_done(part)]
        divided.open = len(todo)
        self._any_done |= len(todo) < len(new)
        self._whole |= dict.fromkeys(todo, piece)
        for part in set(new) - set(todo):
            self._advance(part)
        # Ahead of the rest: what is divided is brought to an end before more is begun.
        self._waiting.extendleft(reversed(todo))
        if new and not todo:
            self._divide(piece, self.work.parts(piece))
        elif not new:
            self._join(piece)

    def _lose(self, piece: P, reason: str) -> None:
        self._losses += 1
        if self._losses >= MOST_LOST_BEFORE_ANY_IS_DONE and not self._any_done:
            raise FailedError(
                f"Nothing could be done: {self._losses} pieces have failed by themselves, the last with {reason}."
            )
        self._advance(piece)
        self._settle(piece, {piece: reason})

    def _settle(self, piece: P, lost: dict[P, str]) -> None:
        """A piece is there, or as much of it as there can be."""
        whole = self._whole.pop(piece, None)
        if whole is None:
            self._lost_of[piece] = lost
            return
        divided = self._divided[whole]
        divided.open -= 1
        divided.lost[piece] = lost
        if not divided.open:
            self._divide(whole, self.work.parts(whole))

    def _join(self, piece: P) -> None:
        divided = self._divided.pop(piece)
        lost = _merged(divided.lost, divided.parts)
        self.work.join(piece, divided.parts, lost)
        self._settle(piece, lost)

    def _advance(self, piece: P) -> None:
        if self._bar is not None:
            self._bar.update(self.work.cost(piece))


def _merged(lost: dict[P, dict[P, str]], pieces: Sequence[P]) -> dict[P, str]:
    """In the order of the pieces, not in that of the workers."""
    return {single: reason for piece in pieces for single, reason in lost.get(piece, {}).items()}


def _bar(tokens: int, finished: int, of: str) -> tqdm[NoReturn]:
    """Tokens done by all workers, tokens a second, time left; silent where nobody watches."""
    told: dict[str, Any] = {"unit": " tokens", "unit_scale": True, "mininterval": 0.5, "disable": None, "leave": False}
    return progress_bar(total=tokens, initial=finished, desc=of or None, **told)
