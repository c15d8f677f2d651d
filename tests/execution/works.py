"""Works for tests: numbered documents, some of which make trouble, written to one file a piece."""

import collections
import itertools
import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from attnprobe.base.atomic_files import replacing
from attnprobe.base.errors import InputError
from attnprobe.execution.scheduling import carry_out
from attnprobe.execution.work import Work

Piece = tuple[int, int]
"""Documents from the first number up to but without the second."""


def disk_full(path):
    raise OSError(28, "No space left on device", str(path))


def break_accelerator(path):
    import torch

    raise torch.AcceleratorError("CUDA error: device-side assert triggered")


class PanicException(BaseException):
    """As what Rust's panics are in Python: no ``Exception``."""


def panic(path):
    raise PanicException("index out of bounds")


def loop(path):
    while True:
        pass


def stuck(path):
    """A loop in C that lets no other thread and no handler of a signal have its turn."""
    collections.deque(itertools.repeat(None), maxlen=0)


TROUBLES: Mapping[str, Callable[[Path], object]] = {
    "raise": lambda path: int("twelve"),
    "memory": lambda path: bytearray(1 << 62),
    "call exit": lambda path: exit(3),
    "kill": lambda path: os.kill(os.getpid(), signal.SIGKILL),
    "leave": lambda path: os._exit(7),
    "segfault": lambda path: os.kill(os.getpid(), signal.SIGSEGV),
    "disk full": disk_full,
    "broken pipe": lambda path: os.write(_pipe_without_reader(), b"x"),
    "break accelerator": break_accelerator,
    "sleep": lambda path: time.sleep(60),
    "panic": panic,
    "loop": loop,
    "stuck": stuck,
}
"""What a document can do; followed by "once", only at its first attempt. "input" raises InputError."""

REASONS = {
    "raise": "ValueError: invalid literal for int() with base 10: 'twelve'",
    "memory": "MemoryError",
    "call exit": "SystemExit: 3",
    "panic": "PanicException: index out of bounds",
    "kill": "the worker died (signal 9)",
    "leave": "the worker died (exit status 7)",
    "segfault": "the worker died (signal 11)",
}


def _pipe_without_reader():
    reader, writer = os.pipe()
    os.close(reader)
    return writer


@dataclass
class Writing(Work[Piece]):
    """Writes a line for each document; a piece's file is named after its ends.

    Attributes:
        folder: where to.
        troubles: by document, a key of ``TROUBLES``.
        at_opening: what opening does, a key of ``TROUBLES``.
        seconds: that a document takes.
    """

    folder: Path
    troubles: dict[int, str] = field(default_factory=dict)
    at_opening: str = ""
    seconds: float = 0

    def open(self):
        self._log("opened", str(os.getpid()))
        self._make_trouble(self.at_opening, "opening")
        return self.do

    def do(self, piece):
        self._log("begun", f"{piece[0]}-{piece[1]}")
        with replacing(self.path(piece)) as temporary, temporary.open("w") as file:
            for document in range(*piece):
                time.sleep(self.seconds)
                self._make_trouble(self.troubles.get(document, ""), str(document))
                file.write(line_of(document))

    def is_done(self, piece):
        return self.path(piece).exists()

    def parts(self, piece):
        begin, end = piece
        middle = (begin + end) // 2
        return [(begin, middle), (middle, end)] if end - begin > 1 else []

    def join(self, piece, parts, lost):
        with replacing(self.path(piece)) as temporary, temporary.open("w") as file:
            for part in parts:
                assert (part in lost) != self.is_done(part)
                if part not in lost:
                    file.write(self.path(part).read_text())
        documents = set(range(*piece))
        assert {begin for begin, end in lost} <= documents
        assert all(end - begin == 1 for begin, end in lost)

    def cost(self, piece):
        return piece[1] - piece[0]

    def name(self, piece):
        return f"documents {piece[0]} to {piece[1] - 1}"

    def path(self, piece):
        return self.folder / f"{piece[0]}-{piece[1]}.txt"

    def log(self, what):
        """What was written to a log by any process, in the order of writing."""
        path = self.folder / f"{what}.log"
        return path.read_text().splitlines() if path.exists() else []

    def _log(self, what, line):
        with (self.folder / f"{what}.log").open("a") as file:
            file.write(line + "\n")

    def _make_trouble(self, trouble, place):
        if trouble.endswith(" once"):
            trouble = trouble.removesuffix(" once")
            try:
                (self.folder / f"{place}.once").touch(exist_ok=False)
            except FileExistsError:
                return
        if trouble == "input":
            raise InputError(f"{place} is not what it should be.")
        if trouble:
            TROUBLES[trouble](self.folder / place)


class Computing(Writing):
    """Writes the bytes of sums whose last bits depend on how many threads add them up."""

    def open(self):
        import torch

        generator = torch.Generator().manual_seed(0)
        self.numbers = torch.randn(400_000, generator=generator)
        return super().open()

    def __getstate__(self):
        return {key: value for key, value in vars(self).items() if key != "numbers"}

    def do(self, piece):
        sums = [self.numbers[begin:].sum().item().hex() for begin in range(piece[0], piece[1] + 50)]
        self.path(piece).write_text(" ".join(sums))


def line_of(document):
    return f"document {document}\n"


def pieces_of(documents, size):
    return [(begin, min(begin + size, documents)) for begin in range(0, documents, size)]


def results(work, pieces):
    """Text of each piece's file."""
    return {piece: work.path(piece).read_text() for piece in pieces}


def expected(pieces, lost=()):
    """What it should be where these documents are left out."""
    return {piece: "".join(line_of(document) for document in range(*piece) if document not in lost) for piece in pieces}


def computed_by(executors, folder):
    """What each of several executors computes."""
    texts = {}
    for name, executor in executors.items():
        (folder / name).mkdir()
        work, pieces = Computing(folder / name), pieces_of(6, 2)
        assert carry_out(work, pieces, executor, print) == {}
        texts[name] = results(work, pieces)
    return texts
