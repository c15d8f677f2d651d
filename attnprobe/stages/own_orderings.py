"""The orderings that a run is erased by: those that are chosen, and those of its file of explanations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from attnprobe.data.batches import EncodedSplit
from attnprobe.erasure.registered_orderings import Ordering, chosen_orderings
from attnprobe.explanations.alignment import item_scores
from attnprobe.explanations.item_scores import ItemScores, explanation
from attnprobe.explanations.score_files import ScoreFile
from attnprobe.models.probe import Probe
from attnprobe.runs.configuration import RunConfiguration


class OrderingsOfRun:
    """Opened where it is first needed, so that it can be sent around.

    Args:
        configuration: of the run.
    """

    def __init__(self, configuration: RunConfiguration) -> None:
        self._configuration = configuration
        source, settings = configuration.explanations, configuration.settings.explanations
        self._draws = {} if source is None else source.draws
        self._file = None
        if source is not None and settings.file is not None:
            self._file = ScoreFile(Path(settings.file), source.content)

    def of(self, probe: Probe[Any], encoded: EncodedSplit[Any], numbers: npt.NDArray[Any]) -> dict[str, Ordering]:
        """All of them, for the documents that are encoded, by name in the order of tables.

        Args:
            probe: the model.
            encoded: the documents.
            numbers: ascending, theirs in the split (documents,).

        Raises:
            InputError: scores do not fit a document; or the file has changed.
        """
        settings = self._configuration.settings
        chosen = chosen_orderings(settings.orderings, settings.draws)
        for name, scores in self.scores(probe, encoded, numbers).items():
            chosen |= explanation(name, scores)
        return chosen

    def scores(self, probe: Probe[Any], encoded: EncodedSplit[Any], numbers: npt.NDArray[Any]) -> dict[str, ItemScores]:
        """The scores of the file, by the explanation's name; arguments and errors as of :meth:`of`."""
        settings = self._configuration.settings.explanations
        if self._file is None:
            return {}
        parts, numbers = probe.item_parts(encoded), numbers.astype(np.int64)
        specials, subwords = settings.specials, settings.subwords
        return {
            name: item_scores(name, draws, parts, specials=specials, subwords=subwords, numbers=numbers)
            for name, draws in self._file.given(self._draws, numbers).items()
        }
