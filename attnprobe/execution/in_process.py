"""Pieces one after the other, in the process that asks for them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from attnprobe.errors import InputError
from attnprobe.execution.attempts import attempt, ends_the_run, portable, reason
from attnprobe.execution.one_thread import one_torch_thread
from attnprobe.execution.work import Executor, Outcome, Say, Work


class InProcess(Executor):
    """No other process: torch has one thread while pieces are done, so that results are those of a pool's worker."""

    workers = 1

    def __init__(self) -> None:
        self._do: Callable[[Any], None] | None = None
        self._pieces: deque[Any] = deque()
        self._stack = ExitStack()

    def start(self, work: Work[Any], say: Say) -> None:
        """Open ``work`` here.

        Raises:
            InputError: it cannot be opened.
            OSError: the same, with its number and file name.
        """
        self.close()
        self._stack.enter_context(one_torch_thread())
        try:
            self._do = work.open()
        except Exception as error:
            self.close()
            if ends_the_run(error):
                raise portable(error) from error
            raise InputError(f"The work cannot be opened: {reason(error)}.") from error

    def submit(self, piece: Any) -> None:  # noqa: ANN401
        """Do the piece when its outcome is asked for."""
        self._pieces.append(piece)

    def next(self) -> Outcome[Any]:
        """Do the piece submitted first.

        Raises:
            InputError: raised by the piece, or the accelerator can no longer be used.
            OSError: raised by the piece.
        """
        if self._do is None:
            raise RuntimeError("not started")
        piece = self._pieces.popleft()
        failure, seconds, cpu_seconds, spent = attempt(self._do, piece)
        if spent:
            raise InputError(
                f"The accelerator can no longer be used by this process ({failure}); in a process pool such documents "
                "are left out."
            )
        return Outcome(piece, failure, seconds, cpu_seconds, 0)

    def close(self) -> None:
        """Forget the model, and give torch its threads back."""
        self._do = None
        self._pieces.clear()
        self._stack.close()
