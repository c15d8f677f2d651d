"""The map of single attention heads as work for executors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import torch

from attnprobe.data.batches import IntArray, longest_first
from attnprobe.engines.head_map import Drawn
from attnprobe.models.subject import Tested
from attnprobe.runs.run_folder import MAPS_OF_HEADS
from attnprobe.stages.group_files import Group, GroupFiles
from attnprobe.stages.group_work import GroupWork
from attnprobe.stages.training import Run


class HeadMapWork(GroupWork):
    """Erasing in each attention head by itself, on a seeded sample of documents that have results.

    Attributes:
        table: what is made.
        asked: of how many documents, at most.
    """

    of = "single heads"

    def __init__(self, run: Run, tested: Tested[Any]) -> None:
        super().__init__(run, tested)
        self.table = MAPS_OF_HEADS[tested.probe.head_map]
        self.asked = tested.probe.head_map_documents
        self.files = GroupFiles(run.folder.shards, self.table.replace("_", "-"))
        self.settings = {}

    def groups(self, lost: list[int]) -> list[Group]:
        """The sample, in batches.

        Args:
            lost: documents that have no results.
        """
        probe, seed = self.tested.probe, self.configuration.settings.seed
        asked = self.asked
        order = np.random.default_rng(seed).permutation(len(self.split))[: asked + len(lost)]
        order = order[~np.isin(order, lost)][:asked]
        numbers = np.sort(order)
        lengths = self.subject.encode(self.split.take(numbers)).lengths
        rows = probe.rows_of_map(lengths, np.searchsorted(numbers, order))
        batches = longest_first(lengths[rows], probe.batch_documents, probe.batch_tokens)
        return [Group(tuple(numbers[rows[batch]].tolist())) for batch in batches]

    def computed(self, numbers: IntArray) -> pa.Table:
        """One row a document × head."""
        ascending = np.sort(numbers).astype(np.int64)
        seeds = torch.from_numpy(self.seeds(ascending).view(np.int64))
        drawn = Drawn(self.subject.encode(self.split.take(ascending)), ascending, np.arange(len(ascending)), seeds)
        return self.tested.probe.map_of_heads(drawn, self.device)
