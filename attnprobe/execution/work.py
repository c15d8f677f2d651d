"""What executors and the scheduler agree on: work made of pieces, and what becomes of a piece."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Mapping, Sequence
from types import TracebackType
from typing import Any, Generic, NamedTuple, Self, TypeVar

P = TypeVar("P", bound=Hashable)
"""A piece of work: small and picklable."""

Say = Callable[[str], None]


class Work(ABC, Generic[P]):
    """What is to be done. Picklable, and without a model: each worker gets a copy and opens it once.

    Results are files. A piece may be done more than once, also by two workers at a time: its file comes out the same,
    and is there whole or not at all.

    Attributes:
        of: what is computed, in words, for messages and the progress bar.
    """

    of: str = ""

    @abstractmethod
    def open(self) -> Callable[[P], None]:
        """Load what the work needs, in the worker; what is returned does a piece and writes its file."""

    @abstractmethod
    def is_done(self, piece: P) -> bool:
        """Whether the piece's file is there, and of this work. Asked in the driver."""

    @abstractmethod
    def parts(self, piece: P) -> list[P]:
        """Smaller pieces that make up this one; none where it cannot be divided.

        Asked in the driver, and again when all of them are done, joined or lost: what is to be done may be known only
        then. A part that was named before is named again.
        """

    @abstractmethod
    def join(self, piece: P, parts: Sequence[P], lost: Mapping[P, str]) -> None:
        """Make a piece's own file out of those of its parts, in the driver.

        Args:
            piece: a piece that could not be done whole.
            parts: its parts; each is done, or joined from its own parts, or lost.
            lost: the indivisible pieces below it that are left out, and why. Of a part that an earlier run has joined,
                only its file can say what that run left out.
        """

    @abstractmethod
    def cost(self, piece: P) -> int:
        """Its tokens, for the progress bar."""

    @abstractmethod
    def name(self, piece: P) -> str:
        """What it is called in a message of one line."""


class Done(NamedTuple, Generic[P]):
    """A piece that a worker has finished.

    Attributes:
        piece: which.
        seconds: of the clock, in the worker.
        cpu_seconds: of all the worker's threads.
        worker: its number, from 0.
    """

    piece: P
    seconds: float
    cpu_seconds: float
    worker: int


class Outcome(NamedTuple, Generic[P]):
    """What became of one attempt at a piece.

    Attributes:
        piece: which.
        failure: None if it is done, otherwise the reason in a few words.
        seconds, cpu_seconds, worker: as in ``Done``; zero seconds where the worker died.
    """

    piece: P
    failure: str | None
    seconds: float
    cpu_seconds: float
    worker: int


class Executor(ABC):
    """Workers that each open a work once and then do pieces of it.

    A context manager, closed on leaving it; after ``close`` it can be started again.

    Attributes:
        workers: how many pieces can be under way at a time.
    """

    workers: int

    @abstractmethod
    def start(self, work: Work[Any], say: Say) -> None:
        """Have workers open ``work``; ``say`` is told of those that cannot, as long as others can."""

    @abstractmethod
    def submit(self, piece: Any) -> None:  # noqa: ANN401
        """Have a piece done. At most ``workers`` pieces are under way at a time: the caller sees to that."""

    @abstractmethod
    def next(self) -> Outcome[Any]:
        """Wait until any of the pieces submitted is done or has failed.

        Raises:
            InputError: raised by a piece or by ``open``, or no worker can be made to open the work.
            OSError: raised by a piece or by ``open``, with its number and file name.
        """

    @abstractmethod
    def close(self) -> None:
        """Stop the workers, whatever they are doing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
