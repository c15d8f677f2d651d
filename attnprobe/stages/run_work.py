"""Work on the test split of a run, with the run's model, which each process loads once."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from attnprobe.base.errors import InputError
from attnprobe.data.batches import IntArray
from attnprobe.data.document_seeds import document_seeds
from attnprobe.erasure.registered_ways import ERASING, OWN
from attnprobe.execution.work import P, Work
from attnprobe.models.kinds import subject_of
from attnprobe.models.probe import Probe
from attnprobe.models.subject import Subject, Tested
from attnprobe.runs.meaning_records import CHOSEN, present_meaning, present_otherwise, present_record
from attnprobe.runs.run_folder import RunFolder
from attnprobe.stages.same_entries import require_same
from attnprobe.stages.sinks import leave_out_sink
from attnprobe.stages.training import Run
from attnprobe.stages.training_vectors import prepare

TEST = "test"
"""The split that is probed."""


class RunWork(Work[P]):
    """Something that is computed of documents of a run's test split.

    Args:
        run: whose folder, configuration, data and device they are.
        tested: its model, which this process has loaded; others load their own.

    Attributes:
        stamp: what it is computed from: the run's configuration and the model.
        split: the documents.
        meant: the run's first way of erasing and its decision, which every process has to have.
        meant_otherwise: the further ways of erasing, by name: these, too.
    """

    def __init__(self, run: Run, tested: Tested[Any]) -> None:
        self.folder = run.folder.path
        self.configuration = run.configuration
        self.dataset = run.dataset
        self.device = run.device
        self.stamp = f"{run.configuration.read_by}/{tested.digest}"
        self.split = run.dataset.splits[TEST]
        self.meant = present_meaning(run.configuration.settings)
        self.meant_otherwise = present_otherwise(run.configuration.settings)
        self._tested: Tested[Any] | None = tested
        self._subject: Subject[Any, Any] | None = None
        self._make_ready(tested.probe)

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | dict.fromkeys(("_tested", "_subject"))

    def open(self) -> Callable[[P], None]:
        """Load the model, and see that this process means by erased and by decided what the one means that began.

        Raises:
            InputError: it does not; or the model is gone, or is not the one that the driver has loaded.
        """
        for each, there in zip(CHOSEN, self.meant, strict=True):
            if there is not None:
                here = present_record(each.registry, there.name, self.configuration.settings.decision_options)
                require_same(each.registry, there.name, there, here)
        for name, way in self.meant_otherwise.items():
            if name not in OWN:
                require_same(
                    ERASING, name, way, present_record(ERASING, name, self.configuration.settings.decision_options)
                )
        if self._tested is None:
            self._tested = self.subject.load()
            if self.stamp != f"{self.configuration.read_by}/{self._tested.digest}":
                raise InputError(f"The model of {self.folder} is being changed by someone else.")
            self._make_ready(self._tested.probe)
        return self._do

    def _make_ready(self, probe: Probe[Any]) -> None:
        prepare(probe, self.subject, self.stamp)
        leave_out_sink(probe, self.subject, self.stamp)

    @abstractmethod
    def _do(self, piece: P) -> None:
        """Do a piece and write its file."""

    @property
    def tested(self) -> Tested[Any]:
        """The model, which is loaded."""
        assert self._tested is not None, "the work has been opened"
        return self._tested

    @property
    def subject(self) -> Subject[Any, Any]:
        """Whose model it is."""
        if self._subject is None:
            self._subject = subject_of(RunFolder(self.folder), self.configuration, self.dataset, self.device)
        return self._subject

    def seeds(self, numbers: IntArray) -> npt.NDArray[np.uint64]:
        """For what is drawn of documents (documents,)."""
        return document_seeds(
            self.configuration.settings.seed,
            np.array(self.split.content_hashes[numbers]),
            np.array(self.split.occurrences[numbers]),
        )
