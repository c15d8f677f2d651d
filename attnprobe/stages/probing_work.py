"""The erasure tests on a split as work for executors: each piece's documents are probed, its results written."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from attnprobe.base.registry import Registry
from attnprobe.data.batches import EncodedSplit, IntArray, longest_first
from attnprobe.data.documents import Documents
from attnprobe.erasure.registered_measurements import MEASUREMENTS
from attnprobe.erasure.registered_orderings import ORDERINGS, OWN
from attnprobe.erasure.validation_states import ValidationStates
from attnprobe.execution.time_limit import begin_step
from attnprobe.explanations.marked_items import MarkedItems, marked_items
from attnprobe.models.subject import Tested
from attnprobe.runs.measurement_records import MeasurementRecord, present_measurements
from attnprobe.runs.ordering_records import OrderingRecord, present_orderings
from attnprobe.runs.run_folder import CURVES, RATIONALE_ROWS, TABLES, TARGET_CURVES, RunFolder
from attnprobe.stages.canonical_tables import joined
from attnprobe.stages.certified_sample import CertifiedSample
from attnprobe.stages.kept_states import DEV, kept_states
from attnprobe.stages.own_orderings import OrderingsOfRun
from attnprobe.stages.read_lengths import UNREADABLE, Reading, ReadingFiles
from attnprobe.stages.run_work import RunWork
from attnprobe.stages.same_entries import require_same
from attnprobe.stages.shard_files import Made, Remarks, ShardFiles
from attnprobe.stages.shards import Piece
from attnprobe.stages.tables import (
    Tables,
    certified_documents,
    correlated_documents,
    curved_documents,
    micro_batches,
    probe_batches,
    sample_of_documents,
)
from attnprobe.stages.training import Run


class ProbingWork(RunWork[Piece]):
    """The test split of a run, probed.

    A window that cannot be done whole is read first, in parts where need be: then it is known which documents can be
    read at all, and which of these make up its micro-batches. No text is read in the driver.

    Args:
        run: whose folder, configuration, data and device they are.
        tested: its model, which this process has loaded; others load their own.

    Attributes:
        others: the orderings and measurements of other packages, which every process has to have.
        table_stamp: what the tables are computed from: also the explanations and rationales of the user's.
    """

    of = "probing"

    def __init__(self, run: Run, tested: Tested[Any]) -> None:
        super().__init__(run, tested)
        self.batch_limits = (tested.probe.batch_documents, tested.probe.batch_tokens)
        self.files = ShardFiles(run.folder.shards)
        self._reading_files = ReadingFiles(run.folder.shards)
        self.others = _of_other_packages()
        self.table_stamp = f"{run.configuration.erased_by}/{tested.digest}"
        self._orderings = OrderingsOfRun(run.configuration)
        self._sampled: npt.NDArray[np.bool_] | None = None
        self._with_curves: npt.NDArray[np.bool_] | None = None
        self._validation: ValidationStates | None = None
        self._documents: tuple[int, Documents] | None = None
        self._readings: tuple[Piece, Reading] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | dict.fromkeys(
            ("_sampled", "_with_curves", "_validation", "_documents", "_readings")
        )

    def open(self) -> Callable[[Piece], None]:
        """Load the model, and see that this process has the orderings and measurements of the one that began.

        Raises:
            InputError: it has others; or as :meth:`RunWork.open`.
        """
        here = _of_other_packages()
        for entry in sorted(self.others.keys() | here.keys()):
            registry = next(each for each in _EVERYWHERE if each.kind == entry.kind)
            require_same(registry, entry.name, self.others.get(entry), here.get(entry))
        return super().open()

    def _do(self, piece: Piece) -> None:
        if piece.reads:
            encoded = self._encoded(piece)
            reading = Reading(encoded.lengths.tolist(), _remarks(encoded))
            self._reading_files.write(piece, self.made(piece), reading)
        else:
            self.files.write(piece, self.made(piece), map(self._probed, self._by_window(piece)))

    def _encoded(self, piece: Piece) -> EncodedSplit[Any]:
        """The documents of a piece of one window, in order."""
        if self._documents is None or self._documents[0] != piece.first:
            self._documents = piece.first, self.split.window(piece.first)
        documents = self._documents[1]
        if piece.batch is not None or piece.begin is not None:
            documents = documents.take(np.sort(self.numbers(piece)) - self.split.starts[piece.first])
        begin_step()
        return self.subject.encode(documents)

    def _probed(self, piece: Piece) -> tuple[Tables, Remarks]:
        """Results of a piece of one window."""
        encoded, numbers = self._encoded(piece), self.numbers(piece)
        if piece.batch is None:
            groups, remarks = micro_batches(self.tested.probe, encoded), _remarks(encoded)
        else:  # in the batch's order; what there is to be said was said of the window when it was read
            groups, remarks = [np.searchsorted(np.sort(numbers), numbers)], Remarks()
            numbers = np.sort(numbers)
        tables = probe_batches(
            self.tested.probe,
            encoded,
            groups,
            self.seeds(numbers),
            self._sample()[numbers],
            self.device,
            numbers,
            begin_step,
            self._orderings.of(self.tested.probe, encoded, numbers),
            self._curved()[numbers] if self._keeps_curves else None,
            self._limited()[numbers] if self.configuration.settings.limits else None,
            self._marked(encoded, numbers),
            self._correlated()[numbers] if self.configuration.settings.correlations else None,
            None if (certified := self.certified) is None else certified.of(numbers),
            self._validation_states(),
        )
        return tables, remarks

    def is_done(self, piece: Piece) -> bool:
        """Whether its results are there."""
        if piece.reads:
            return self._reading_files.read(piece, self.made(piece)) is not None
        return self.files.is_done(piece, self.made(piece))

    def parts(self, piece: Piece) -> list[Piece]:
        """A shard's windows; the reading of a window, then its micro-batches; halves of what is read, or of a batch."""
        if piece.last - piece.first > 1:
            return piece.windows()
        if piece.reads or piece.batch is not None:
            return piece.halves(len(self.numbers(piece)))
        reading = self._whole_reading(piece)
        if not self.is_done(reading):
            return [reading]
        groups = self._groups(piece)
        if len(groups) == 1:
            return [reading, *(piece.halves(len(groups[0])) or piece.batches(1))]
        return [reading, *piece.batches(len(groups))]

    def join(self, piece: Piece, parts: Sequence[Piece], lost: Mapping[Piece, str]) -> None:
        """Write a piece's results from those of its parts; documents that are lost have none."""
        if piece.reads:
            readings = [self._reading(part, lost.get(part)) for part in parts]
            self._reading_files.write(piece, self.made(piece), Reading.joined(readings))
        else:
            self.files.write(piece, self.made(piece), self._of_parts(piece, parts, lost))
        for part in parts:
            (self._reading_files if part.reads else self.files).remove(part)

    def _reading(self, piece: Piece, lost: str | None = None) -> Reading:
        """What is known of documents that were read; of a single one, also if it is lost, and why."""
        if lost is not None:
            (number,) = self.numbers(piece).tolist()
            return Reading([UNREADABLE], Remarks(lost={number: lost}))
        if self._readings is None or self._readings[0] != piece:
            found = self._reading_files.read(piece, self.made(piece))
            if found is None:
                path = self._reading_files.path(piece)
                raise OSError(f"{path} has gone, or has been changed by someone else")
            self._readings = piece, found
        return self._readings[1]

    def _of_parts(
        self, piece: Piece, parts: Sequence[Piece], lost: Mapping[Piece, str]
    ) -> Iterator[tuple[Tables | None, Remarks]]:
        for window in piece.windows():
            of_window = [part for part in parts if part.first == window.first]
            kept = [part for part in of_window if part not in lost and not part.reads]
            remarks = Remarks()
            for part in of_window:
                if part.reads:
                    remarks = remarks.with_those_of(self._reading(part, lost.get(part)).remarks)
                elif part in lost:
                    remarks = remarks.with_those_of(Remarks(lost={int(self.numbers(part)[0]): lost[part]}))
                else:
                    remarks = remarks.with_those_of(self.files.remarks(part))
            yield self._tables_of(kept) if kept else None, remarks

    def _tables_of(self, parts: Sequence[Piece]) -> Tables:
        """Of documents of one window."""
        followed = self._keeps_curves and bool(self.tested.probe.meaning.targets)
        there = {CURVES: self._keeps_curves, RATIONALE_ROWS: self.dataset.rationales is not None}
        names = [*TABLES, *(name for name, kept in (there | {TARGET_CURVES: followed}).items() if kept)]
        return Tables(**{name: joined([self.files.whole(part, name) for part in parts]) for name in names})

    @property
    def _keeps_curves(self) -> bool:
        settings = self.configuration.settings
        if settings.curves is None:
            # Where nothing can flip, how far the output moves is all there is to tell; of targets, along orderings too.
            meaning = self.tested.probe.meaning
            needed = not meaning.flips_at_all or bool(meaning.targets)
            return self.tested.probe.has_closed_curves or settings.limits > 0 or needed
        return settings.curves

    def cost(self, piece: Piece) -> int:
        """Words of its documents; nothing where they are only read."""
        if piece.reads:
            return 0
        if piece.batch is None:
            begin, end = self._ends(piece)
            return int(self.split.words_per_document[begin:end].sum())
        return int(self.split.words_per_document[self.numbers(piece)].sum())

    def name(self, piece: Piece) -> str:
        """Its documents, in words."""
        begin, end = self._ends(piece)
        of = "the text of " if piece.reads else ""
        if piece.batch is None:
            return f"{of}documents {begin:,} to {end - 1:,}" if end - begin > 1 else f"{of}document {begin:,}"
        numbers = self.numbers(piece)
        if len(numbers) == 1:
            return f"document {int(numbers[0]):,}"
        return f"{len(numbers):,} of the documents {begin:,} to {end - 1:,}"

    def made(self, piece: Piece) -> Made:
        """What its results are made from."""
        numbers = self.numbers(piece)
        hashes = np.ascontiguousarray(self.split.content_hashes[numbers], dtype="<u8")
        return Made(self._stamp, hashlib.blake2b(hashes.tobytes(), digest_size=16).hexdigest(), len(hashes))

    @property
    def _stamp(self) -> str:
        """What results are made by: with other entries of other packages they are made anew."""
        told = [f"{entry.kind} {entry.name} {record.origin}" for entry, record in sorted(self.others.items())]
        meant = (self.meant.way, self.meant.decision, *self.meant_otherwise.values())
        told += [f"{record.name} {record.origin}" for record in meant if record]
        return "/".join([self.table_stamp, *told])

    def numbers(self, piece: Piece) -> IntArray:
        """Its documents' numbers in the split, in the order in which they are read."""
        begin, end = self._ends(piece)
        if piece.batch is None:
            return np.arange(begin, end)
        rows: IntArray = begin + self._groups(piece)[piece.batch][piece.begin : piece.end]
        return rows

    def _groups(self, piece: Piece) -> list[IntArray]:
        """The micro-batches of a piece's only window, of the documents that can be read: rows of the window."""
        lengths = np.array(self._reading(self._whole_reading(piece)).lengths)
        readable = np.flatnonzero(lengths != UNREADABLE)
        return [readable[rows] for rows in longest_first(lengths[readable], *self.batch_limits)]

    def _whole_reading(self, piece: Piece) -> Piece:
        begin, end = self.split.starts[[piece.first, piece.last]].tolist()
        return Piece(piece.first, piece.last, begin=0, end=end - begin)

    def _ends(self, piece: Piece) -> tuple[int, int]:
        """The first document of its windows, or of what it reads of one, and the one behind the last."""
        begin, end = self.split.starts[[piece.first, piece.last]].tolist()
        return (begin + (piece.begin or 0), begin + (piece.end or 0)) if piece.reads else (begin, end)

    def _by_window(self, piece: Piece) -> list[Piece]:
        return [piece] if piece.batch is not None else piece.windows()

    def _marked(self, encoded: EncodedSplit[Any], numbers: IntArray) -> MarkedItems | None:
        rationales = self.dataset.rationales
        if rationales is None:
            return None
        return marked_items(rationales, self.tested.probe.item_parts(encoded), numbers.astype(np.int64))

    def _validation_states(self) -> ValidationStates | None:
        if self._validation is None:
            dev = self.dataset.splits[DEV]
            kept = kept_states(RunFolder(self.folder), self.tested.probe, dev, self.stamp)
            self._validation = None if kept is None else kept.to(self.device)
        return self._validation

    def _sample(self) -> npt.NDArray[np.bool_]:
        if self._sampled is None:
            self._sampled = sample_of_documents(len(self.split), self.configuration.settings.seed)
        return self._sampled

    def _limited(self) -> npt.NDArray[np.bool_]:
        settings = self.configuration.settings
        return curved_documents(np.asarray(self.split.words_per_document), settings.seed, settings.limits)

    @property
    def certified(self) -> CertifiedSample | None:
        """Of which documents of the split it is asked what flips and what guarantees decisions; None where of none."""
        settings = self.configuration.settings
        if not settings.certify:
            return None
        return certified_documents(np.asarray(self.split.words_per_document), settings.seed, settings.certify)

    def _correlated(self) -> npt.NDArray[np.bool_]:
        settings = self.configuration.settings
        return correlated_documents(len(self.split), settings.seed, settings.correlations)

    def _curved(self) -> npt.NDArray[np.bool_]:
        if self._with_curves is None:
            words = np.asarray(self.split.words_per_document)
            self._with_curves = curved_documents(words, self.configuration.settings.seed)
        return self._with_curves


def _remarks(encoded: EncodedSplit[Any]) -> Remarks:
    return Remarks(encoded.cut, encoded.special, longest=int(encoded.lengths.max()))


class _Entry(NamedTuple):
    """What another package has registered: of which kind, and under which name."""

    kind: str
    name: str


_EVERYWHERE: tuple[Registry[Any], ...] = (ORDERINGS, MEASUREMENTS)
"""Whatever of these is there is part of a run, so that every process has to have it."""


def _of_other_packages() -> dict[_Entry, OrderingRecord | MeasurementRecord]:
    orderings = {name: told for name, told in present_orderings().items() if name not in OWN}
    return {_Entry(ORDERINGS.kind, name): told for name, told in orderings.items()} | {
        _Entry(MEASUREMENTS.kind, name): told for name, told in present_measurements().items()
    }
