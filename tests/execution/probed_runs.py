"""A trained run whose test split has several windows, and ways to probe copies of it."""

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import torch

from attnprobe.cli import main
from attnprobe.execution.probing_work import ProbingWork
from attnprobe.execution.shards import Piece
from tests.commands import planted_rows, write_splits

TABLES = ("documents", "erasures", "items")

DOCUMENTS = 5000
"""Of the test split: three windows."""


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


TROUBLES: dict[str, Callable[[], object]] = {
    "raise": lambda: torch.zeros(2) @ torch.zeros(3),
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
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
            if set(self.documents) & set(self.numbers(piece).tolist()) and not (self.once and self.once.exists()):
                if self.once:
                    self.once.touch()
                TROUBLES[self.trouble]()
            do(piece)

        return troubled
