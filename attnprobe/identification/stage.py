"""Identify a run's attention: nullity of many documents, linear programs on a sample, tables in the run's folder."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from tqdm import tqdm

from attnprobe.atomic_files import replacing
from attnprobe.data.batches import IntArray
from attnprobe.data.split import Split
from attnprobe.errors import InputError
from attnprobe.identification.identification_tables import OF_DOCUMENTS, head_table, weight_table, with_reach
from attnprobe.identification.nullities import Columns, nullity_rows
from attnprobe.identification.programs import Entry, document_entries
from attnprobe.identification.unfinished import Unfinished
from attnprobe.probes.probe import Probe
from attnprobe.probing import document_seeds, micro_batches
from attnprobe.runs import RunFolder
from attnprobe.stages import Run
from attnprobe.subjects import Subject

LONGEST = 512
"""Items of the longest documents that programs are run on: their cost grows with the third power."""

NULLITIES = 100_000
"""Documents × heads whose nullity is computed: all of most splits."""

SETTINGS = b"identified"
"""Under this key a table's metadata says what was computed."""


@dataclass(frozen=True)
class Identified:
    """What is computed.

    Attributes:
        documents: how many, a seeded sample, programs are run on.
        layers, heads: which, as in ``AttentionSettings``.
        seed: of the sample.
    """

    documents: int = 100
    layers: str = "all"
    heads: str = "all"
    seed: int = 0


def identify(run: Run, wanted: Identified) -> None:
    """Write the tables of a probed run, or leave finished ones as they are, or go on where it was interrupted.

    Raises:
        InputError: the run is not probed with the model that is there, there are no such layers or heads, or the
            model's values cannot be seen.
    """
    folder = run.folder
    tested = run.subject.load()
    stamp = f"{run.configuration.fingerprint}/{tested.digest}"
    if not folder.is_probed(stamp):
        raise InputError(f"{folder.path} holds no results of its model; run attnprobe probe first.")
    affine = tested.probe.readout is not None
    if _is_identified(folder, stamp, wanted, affine=affine):
        run.say(f"Identifiability: finished before, reusing {folder.table('identifiability')}.")
        return
    seed = run.configuration.settings.seed
    split = _Split(run.dataset.splits["test"], run.subject, tested.probe, seed, run.device)
    with folder.timed("identifiability"):
        nullities = _nullities(split, wanted)
        sampled = _sample(nullities, len(split.documents), wanted)
        what = {"stamp": stamp, "longest": LONGEST} | dataclasses.asdict(wanted)
        unfinished = Unfinished(folder.identification_state, what)
        if unfinished.documents:
            run.say(f"Identifiability: resuming after {len(unfinished.documents)} of {len(sampled)} documents.")
        _run_programs(split, wanted, sampled, unfinished)
        _write(folder, stamp, wanted, nullities, unfinished.documents, affine=affine)
        unfinished.remove()


@dataclass(frozen=True)
class _Split:
    """A split as a probe reads it, one window in memory at a time."""

    documents: Split
    subject: Subject[Any, Any]
    probe: Probe[Any]
    seed: int
    device: torch.device

    def batches(self, rows: IntArray, wanted: Identified) -> Iterator[tuple[IntArray, torch.Tensor, Any]]:
        """Documents, their seeds and what the layers averaged, batch by batch; ``rows`` are ascending."""
        windows = np.searchsorted(self.documents.starts, rows, side="right")
        for window in np.unique(windows):
            numbers = rows[windows == window]
            encoded = self.subject.encode(self.documents.take(numbers))
            hashes, occurrences = self.documents.content_hashes[numbers], self.documents.occurrences[numbers]
            seeds = torch.from_numpy(document_seeds(self.seed, hashes, occurrences).view(np.int64))
            groups = micro_batches(self.probe, encoded)
            for group, batch in zip(groups, encoded.batches(groups, self.device), strict=True):
                yield (
                    numbers[group],
                    seeds[group],
                    self.probe.readings(batch, wanted.layers, wanted.heads, seeds[group]),
                )


def _is_identified(folder: RunFolder, stamp: str, wanted: Identified, *, affine: bool) -> bool:
    try:
        schemas = [pq.read_schema(folder.table(name)) for name in ("identifiability", "weight_ranges")]
        documents = pq.read_schema(folder.table("documents"))
    except (OSError, pa.ArrowInvalid):
        return False
    expected = _metadata(stamp, wanted)
    whole = not affine or set(OF_DOCUMENTS) <= set(documents.names)  # probed again, they are gone
    return whole and all(schema.metadata == expected for schema in schemas)


def _metadata(stamp: str, wanted: Identified) -> dict[bytes, bytes]:
    entries = dataclasses.asdict(wanted) | {"longest": LONGEST}
    return {b"attnprobe": stamp.encode(), SETTINGS: json.dumps(entries, sort_keys=True).encode()}


def _order(documents: int, wanted: Identified) -> npt.NDArray[np.int64]:
    return np.random.default_rng(wanted.seed).permutation(documents)


def _nullities(split: _Split, wanted: Identified) -> list[Columns]:
    order = _order(len(split.documents), wanted)
    first = order[:1]
    heads = sum(len(reading.heads) for _, _, readings in split.batches(first, wanted) for reading in readings)
    rows = np.sort(order[: max(wanted.documents, NULLITIES // heads)])
    parts: list[Columns] = []
    with _bar("nullity", len(rows)) as bar:
        for group, _, readings in split.batches(rows, wanted):
            parts += nullity_rows(group, readings)
            bar.update(len(group))
    return parts


def _sample(nullities: list[Columns], documents: int, wanted: Identified) -> npt.NDArray[np.int64]:
    """The first documents of a random order that have more than one item and no more than ``LONGEST``."""
    longest = np.zeros(documents, dtype=np.int64)
    for part in nullities:
        np.maximum.at(longest, part["document"], part["n"])
    order = _order(documents, wanted)
    fit = (longest[order] > 1) & (longest[order] <= LONGEST)
    return np.sort(order[fit][: wanted.documents])


def _run_programs(split: _Split, wanted: Identified, sampled: npt.NDArray[np.int64], unfinished: Unfinished) -> None:
    with _bar("weight ranges", len(sampled)) as bar:
        for group, seeds, readings in split.batches(sampled, wanted):
            read = list(readings)
            for number, document in enumerate(group.tolist()):
                if document not in unfinished.documents:
                    entries = document_entries(read, number, seeds[number], split.probe.readout)
                    unfinished.add(document, entries)
                bar.update()


def _write(
    folder: RunFolder,
    stamp: str,
    wanted: Identified,
    nullities: list[Columns],
    entries: dict[int, list[Entry]],
    *,
    affine: bool,
) -> None:
    """The table of heads is written last: where it is, the others are."""
    if affine:
        with pq.ParquetFile(folder.table("documents")) as documents:
            windows = map(documents.read_row_group, range(documents.num_row_groups))
            folder.write_table("documents", (with_reach(window, entries) for window in windows), stamp)
    heads = head_table(nullities, entries)
    for name, table in (("weight_ranges", weight_table(heads, entries)), ("identifiability", heads)):
        with replacing(folder.table(name)) as temporary:
            pq.write_table(table.replace_schema_metadata(_metadata(stamp, wanted)), temporary, compression="zstd")


def _bar(stage: str, documents: int) -> tqdm[Any]:
    """Documents done and time left; silent where nobody watches."""
    return tqdm(total=documents, unit=" documents", desc=stage, mininterval=0.5, disable=None, leave=False)
