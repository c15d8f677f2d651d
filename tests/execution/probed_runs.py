"""A trained run whose test split has several windows, and ways to probe copies of it."""

import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import torch

from attnprobe.cli import main
from attnprobe.stages.head_map_work import HeadMapWork
from attnprobe.stages.identifying.document_work import NullityWork, ProgramsWork
from attnprobe.stages.probing_work import ProbingWork
from attnprobe.stages.shards import Piece
from tests.commands import planted_rows, write_splits

TABLES = ("documents", "erasures", "items")

DOCUMENTS = 5000
"""Of the test split: three windows."""


class PanicException(BaseException):
    """What a library in Rust raises."""


def trained_run(folder: Path, documents: int = DOCUMENTS) -> Path:
    """A folder with a trained model and nothing probed; texts occur more than once."""
    rows = planted_rows(documents - documents // 10, 3)
    data = write_splits(
        folder / "planted", train=planted_rows(80, 1), dev=planted_rows(20, 2), test=rows + rows[: documents // 10]
    )
    arguments = ["--dataset", str(data), "--model", "flan-none", "--epochs", "1", "--out", str(folder / "runs")]
    assert main(["train", *arguments]) == 0
    return folder / "runs" / "planted" / "flan-none" / "seed-0"


def copy_of(run: Path, name: str) -> Path:
    """A copy beside it."""
    copy = run.with_name(name)
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(run, copy)
    return copy


def results(run: Path) -> dict[str, bytes]:
    """The bytes of its tables."""
    return {name: (run / f"{name}.parquet").read_bytes() for name in TABLES}


def panic() -> None:
    """As what Rust's panics are in Python: no ``Exception``."""
    raise PanicException("index out of bounds")


def exhaust_memory() -> None:
    """As torch says it on an accelerator."""
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


TROUBLES: dict[str, Callable[[], object]] = {
    "raise": lambda: torch.zeros(2) @ torch.zeros(3),
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "panic": panic,
    "memory": lambda: bytearray(1 << 62),
    "accelerator memory": exhaust_memory,
    "sleep": lambda: time.sleep(60),
}

REASONS = {
    "kill": "the worker died (signal 9)",
    "panic": "PanicException: index out of bounds",
    "memory": "MemoryError",
    "accelerator memory": "OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.",
}


class PoisonedWork(ProbingWork):
    """Some documents break the model: those of these numbers, in this way, as long as no file says that it happened."""

    documents: tuple[int, ...] = ()
    trouble = "raise"
    once: Path | None = None

    def open(self) -> Callable[[Piece], None]:
        """As ever, but for the documents."""
        do = super().open()

        def troubled(piece: Piece) -> None:
            poison = not piece.reads and set(self.documents) & set(self.numbers(piece).tolist())
            if poison and not (self.once and self.once.exists()):
                if self.once:
                    self.once.touch()
                TROUBLES[self.trouble]()
            do(piece)

        return troubled


class Poison:
    """Some documents make trouble: those of these numbers, in this way."""

    documents: tuple[int, ...] = ()
    trouble = "raise"

    def trouble_of(self, numbers):
        """What documents do, if these are among them."""
        if set(self.documents) & set(numbers.tolist()):
            TROUBLES[self.trouble]()


class PoisonedTexts(Poison, ProbingWork):
    """They cannot be read: the tokenizer breaks."""

    def _encoded(self, piece):
        self.trouble_of(self.numbers(piece))
        return super()._encoded(piece)


class PoisonedHeads(Poison, HeadMapWork):
    """Nothing can be erased in single heads of them."""

    def computed(self, numbers):
        self.trouble_of(numbers)
        return super().computed(numbers)


class PoisonedNullities(Poison, NullityWork):
    """They have no nullity."""

    def computed(self, numbers):
        self.trouble_of(numbers)
        return super().computed(numbers)


class PoisonedPrograms(Poison, ProgramsWork):
    """No program ends on them."""

    def computed(self, numbers):
        self.trouble_of(numbers)
        return super().computed(numbers)


def poisoned(kind, documents, trouble):
    """A function that makes such a work."""

    def make(*arguments):
        work = kind(*arguments)
        work.documents, work.trouble = documents, trouble
        return work

    return make
