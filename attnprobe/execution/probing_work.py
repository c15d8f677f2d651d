"""The erasure tests on a split as work for executors: each piece's documents are probed, its results written."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from attnprobe.configuration import RunConfiguration
from attnprobe.data.batches import EncodedSplit, IntArray
from attnprobe.data.documents import Dataset
from attnprobe.errors import InputError
from attnprobe.execution.canonical_tables import joined
from attnprobe.execution.shard_files import Made, Remarks, ShardFiles
from attnprobe.execution.shards import Piece
from attnprobe.execution.work import Work
from attnprobe.probing import Tables, document_seeds, micro_batches, probe_batches, sample_of_documents
from attnprobe.runs import TABLES, RunFolder
from attnprobe.subjects import Subject, Tested, subject_of

TEST = "test"
"""The split that is probed."""


class ProbingWork(Work[Piece]):
    """The test split of a run, and the model that it is probed with, which each process loads once.

    Args:
        folder: the run's.
        configuration: the run's.
        dataset: its data.
        device: where to compute.
        tested: the model, which this process has loaded; others load their own.
    """

    def __init__(
        self,
        folder: Path,
        configuration: RunConfiguration,
        dataset: Dataset,
        device: torch.device,
        tested: Tested[Any],
    ) -> None:
        self.folder = folder
        self.configuration = configuration
        self.dataset = dataset
        self.device = device
        self.stamp = f"{configuration.fingerprint}/{tested.digest}"
        self.files = ShardFiles(RunFolder(folder).shards)
        self.split = dataset.splits[TEST]
        self._tested: Tested[Any] | None = tested
        self._subject: Subject[Any, Any] | None = None
        self._sampled: npt.NDArray[np.bool_] | None = None
        self._encoded: tuple[int, EncodedSplit[Any]] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | dict.fromkeys(("_tested", "_subject", "_sampled", "_encoded"))

    def open(self) -> Callable[[Piece], None]:
        """Load the model.

        Raises:
            InputError: it is gone, or is not the one that the driver has loaded.
        """
        if self._tested is None:
            self._tested = self._made_subject().load()
            if self.stamp != f"{self.configuration.fingerprint}/{self._tested.digest}":
                raise InputError(f"The model of {self.folder} is being changed by someone else.")
        return self._do

    def _do(self, piece: Piece) -> None:
        self.files.write(piece, self.made(piece), map(self._probed, self._by_window(piece)))

    def _probed(self, piece: Piece) -> tuple[Tables, Remarks]:
        """Results of a piece of one window."""
        assert self._tested is not None, "the work has been opened"
        encoded, groups = self._window(piece.first), self.groups(piece)
        begin, end = self.split.starts[[piece.first, piece.last]].tolist()
        seeds = document_seeds(
            self.configuration.settings.seed,
            np.array(self.split.content_hashes[begin:end]),
            np.array(self.split.occurrences[begin:end]),
        )
        sampled = self._sample()[begin:end]
        tables = probe_batches(self._tested.probe, encoded, groups, seeds, sampled, self.device, begin)
        return tables, self._remarks(piece)

    def is_done(self, piece: Piece) -> bool:
        """Whether its results are there."""
        return self.files.is_done(piece, self.made(piece))

    def parts(self, piece: Piece) -> list[Piece]:
        """A shard's windows, a window's micro-batches, halves of a micro-batch."""
        if piece.last - piece.first > 1:
            return piece.windows()
        groups = self.groups(piece)
        return piece.batches(len(groups)) if len(groups) > 1 else piece.halves(len(groups[0]))

    def join(self, piece: Piece, parts: Sequence[Piece], lost: Mapping[Piece, str]) -> None:
        """Write a piece's results from those of its parts; documents that are lost have none."""
        self.files.write(piece, self.made(piece), self._of_parts(piece, parts, lost))
        for part in parts:
            self.files.remove(part)

    def _of_parts(
        self, piece: Piece, parts: Sequence[Piece], lost: Mapping[Piece, str]
    ) -> Iterator[tuple[Tables | None, Remarks]]:
        for window in piece.windows():
            of_window = [part for part in parts if part.first == window.first]
            kept = [part for part in of_window if part not in lost]
            remarks = Remarks(lost={int(self.numbers(part)[0]): lost[part] for part in of_window if part in lost})
            for part in kept:
                remarks = remarks.with_those_of(self.files.remarks(part))
            yield self._tables_of(kept) if kept else None, remarks

    def _tables_of(self, parts: Sequence[Piece]) -> Tables:
        """Of documents of one window."""
        return Tables(**{name: joined([self.files.whole(part, name) for part in parts]) for name in TABLES})

    def cost(self, piece: Piece) -> int:
        """Words of its documents."""
        if piece.batch is None:
            begin, end = self.split.starts[[piece.first, piece.last]].tolist()
            return int(self.split.words_per_document[begin:end].sum())
        return int(self.split.words_per_document[self.numbers(piece)].sum())

    def name(self, piece: Piece) -> str:
        """Its documents, in words."""
        begin, end = self.split.starts[[piece.first, piece.last]].tolist()
        if piece.batch is None:
            return f"documents {begin:,} to {end - 1:,}" if end - begin > 1 else f"document {begin:,}"
        numbers = self.numbers(piece)
        if len(numbers) == 1:
            return f"document {int(numbers[0]):,}"
        return f"{len(numbers):,} of the documents {begin:,} to {end - 1:,}"

    def made(self, piece: Piece) -> Made:
        """What its results are made from."""
        numbers = self.numbers(piece)
        hashes = np.ascontiguousarray(self.split.content_hashes[numbers], dtype="<u8")
        return Made(self.stamp, hashlib.blake2b(hashes.tobytes(), digest_size=16).hexdigest(), len(hashes))

    def numbers(self, piece: Piece) -> IntArray:
        """Its documents' numbers in the split, in the order in which they are read."""
        begin, end = self.split.starts[[piece.first, piece.last]].tolist()
        if piece.batch is None:
            return np.arange(begin, end)
        rows: IntArray = np.concatenate([begin + group for group in self.groups(piece)])
        return rows

    def groups(self, piece: Piece) -> list[IntArray]:
        """The micro-batches of a piece of one window: rows of the window."""
        assert self._tested is not None, "how many documents are read at once is known of a model that is loaded"
        groups = micro_batches(self._tested.probe, self._window(piece.first))
        if piece.batch is None:
            return groups
        return [groups[piece.batch][piece.begin : piece.end]]

    def _by_window(self, piece: Piece) -> list[Piece]:
        return [piece] if piece.batch is not None else piece.windows()

    def _window(self, number: int) -> EncodedSplit[Any]:
        if self._encoded is None or self._encoded[0] != number:
            self._encoded = number, self._made_subject().encode(self.split.window(number))
        return self._encoded[1]

    def _remarks(self, piece: Piece) -> Remarks:
        """Of a piece of one window; what is known of the window alone is said of its first documents."""
        encoded = self._window(piece.first)
        begins = not piece.batch and not piece.begin
        cut, special = (encoded.cut, encoded.special) if begins else (0, 0)
        return Remarks(cut, special, longest=int(encoded.lengths.max()))

    def _made_subject(self) -> Subject[Any, Any]:
        if self._subject is None:
            self._subject = subject_of(RunFolder(self.folder), self.configuration, self.dataset, self.device)
        return self._subject

    def _sample(self) -> npt.NDArray[np.bool_]:
        if self._sampled is None:
            self._sampled = sample_of_documents(len(self.split), self.configuration.settings.seed)
        return self._sampled
