"""Pieces one after the other, in the process that asks for them."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from attnprobe.base.errors import FailedError, InputError
from attnprobe.base.own_files import open_own
from attnprobe.execution.attempts import attempt, ends_the_run, portable, reason
from attnprobe.execution.one_thread import one_torch_thread
from attnprobe.execution.time_limit import ending_the_piece
from attnprobe.execution.work import Executor, Outcome, Say, Work


class InProcess(Executor):
    """No other process: torch has one thread while pieces are done, so that results are those of a pool's worker.

    What ends a process (a segmentation fault, a kill, a loop that nothing interrupts) ends this one.

    Args:
        step_seconds: that a step of a piece may take; None for no limit.
        under_way: a file that names the piece that is being done. It is left behind where the process dies of the
            piece, and only there, so that whoever comes next knows.
    """

    workers = 1

    def __init__(self, step_seconds: float | None = None, under_way: Path | None = None) -> None:
        self.step_seconds = step_seconds
        self._under_way = under_way
        self._work: Work[Any] | None = None
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
        self._work = work
        try:
            self._do = work.open()
        except KeyboardInterrupt:
            raise
        except BaseException as error:
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
        if self._do is None or self._work is None:
            raise RuntimeError("not started")
        piece = self._pieces.popleft()
        if self._under_way is not None:
            self._under_way.parent.mkdir(parents=True, exist_ok=True)
            # It has to outlive this process and no machine, so that nothing waits for the disk.
            with open(open_own(self._under_way, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "w", encoding="utf-8") as file:
                file.write(self._work.name(piece))
        failure, seconds, cpu_seconds, spent = attempt(self._do, piece, ending_the_piece(self.step_seconds))
        if spent:
            left, self._under_way = self._under_way, None
            where = "a process pool" if left is None else "started again, attnprobe takes a process pool, which"
            raise FailedError(
                f"The accelerator can no longer be used by this process ({failure}); {where} leaves such documents out."
            )
        return Outcome(piece, failure, seconds, cpu_seconds, 0)

    def close(self) -> None:
        """Forget the model, and give torch its threads back."""
        if self._work is not None and self._under_way is not None:
            self._under_way.unlink(missing_ok=True)
        self._do = self._work = None
        self._pieces.clear()
        self._stack.close()
