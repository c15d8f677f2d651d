"""Nullities, and linear programs, as work for executors: documents that cannot be done are left out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from attnprobe.data.batches import IntArray
from attnprobe.engines.head_readings import HeadReadings
from attnprobe.models.subject import Tested
from attnprobe.stages.group_files import Group, GroupFiles, Results
from attnprobe.stages.group_work import GroupWork
from attnprobe.stages.identifying.nullities import Columns, nullity_rows
from attnprobe.stages.identifying.programs import Entry, document_entries
from attnprobe.stages.tables import micro_batches
from attnprobe.stages.training import Run

NOT_ENTRIES = (ValueError, KeyError, TypeError, RecursionError)
"""What reading entries raises where there are none."""


class _ReadingWork(GroupWork):
    """Something that is computed of what layers averaged.

    Args:
        run: whose folder, configuration, data and device they are.
        tested: its model, which this process has loaded; others load their own.
        layers, heads: which, as in ``AttentionSettings``.
    """

    file_name: str

    def __init__(self, run: Run, tested: Tested[Any], layers: str, heads: str) -> None:
        super().__init__(run, tested)
        self.files = GroupFiles(run.folder.identification_state, self.file_name)
        self.layers, self.heads = layers, heads
        self.settings: Mapping[str, Any] = {"layers": layers, "heads": heads}

    def readings(self, numbers: IntArray) -> tuple[list[HeadReadings], torch.Tensor]:
        """What was averaged in a batch of these documents, and a seed of each."""
        encoded, rows = self.encoded(numbers)
        seeds = torch.from_numpy(self.seeds(numbers).view(np.int64))
        (batch,) = encoded.batches([rows], self.device)
        return list(self.tested.probe.readings(batch, self.layers, self.heads, seeds)), seeds


class NullityWork(_ReadingWork):
    """The nullity of heads in documents."""

    of, file_name = "nullity", "nullity"

    def groups(self, rows: IntArray) -> list[Group]:
        """Documents in batches, which hold documents of one window.

        Args:
            rows: ascending numbers.
        """
        windows = np.searchsorted(self.split.starts, rows, side="right")
        groups: list[Group] = []
        for window in np.unique(windows):
            numbers = rows[windows == window]
            batches = micro_batches(self.tested.probe, self.subject.encode(self.split.take(numbers)))
            groups += [Group(tuple(numbers[batch].tolist())) for batch in batches]
        return groups

    def computed(self, numbers: IntArray) -> pa.Table:
        """One row a document × head."""
        readings, _ = self.readings(numbers)
        return pa.concat_tables(
            [
                pa.table({name: pa.array(column) for name, column in part.items()})
                for part in nullity_rows(numbers, readings)
            ]
        )

    @staticmethod
    def columns(rows: pa.Table) -> Columns:
        """Of the rows that were computed."""
        columns = {name: rows[name].to_numpy() for name in rows.column_names}
        return columns | {"stack": columns["stack"].astype(str)}


class ProgramsWork(_ReadingWork):
    """Linear programs on documents, each by itself: one of many items takes its time."""

    of, file_name = "weight ranges", "programs"

    def groups(self, rows: IntArray) -> list[Group]:
        """Single documents."""
        return [Group((number,)) for number in rows.tolist()]

    def computed(self, numbers: IntArray) -> pa.Table:
        """One row a document: its entries, as JSON."""
        readings, seeds = self.readings(numbers)
        entries = [
            json.dumps(document_entries(readings, row, seeds[row], self.tested.probe.readout))
            for row in range(len(numbers))
        ]
        return pa.table({"document": pa.array(numbers, pa.int64()), "entries": pa.array(entries, pa.string())})

    def read(self, piece: Group) -> Results | None:
        """As of any group; None, too, where entries are none."""
        found = super().read(piece)
        try:
            self.entries(None if found is None else found.rows)
        except NOT_ENTRIES:
            return None
        return found

    @staticmethod
    def entries(rows: pa.Table | None) -> dict[int, list[Entry]]:
        """By document."""
        if rows is None:
            return {}
        columns = (rows["document"].to_pylist(), map(json.loads, rows["entries"].to_pylist()))
        return dict(zip(*columns, strict=True))
