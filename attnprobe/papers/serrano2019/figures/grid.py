"""The run folders that the paper's figures and tables draw from: found, put in order, read when they are needed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from attnprobe.analysis.finding_runs import find_runs, of_the_papers
from attnprobe.analysis.results import RunResults
from attnprobe.base.errors import InputError
from attnprobe.papers.serrano2019.figures.panel_order import datasets_in_order, model_name, models_in_order
from attnprobe.runs.configuration_entries import model_of, read_configuration
from attnprobe.runs.ordering_records import OrderingRecord, record_of, recorded_orderings
from attnprobe.settings.checkpoint_names import short_model_name


class Run(NamedTuple):
    """What tells a run from others."""

    dataset: str
    model: str
    seed: int


@dataclass(frozen=True)
class RunGrid:
    """Runs of datasets × models × seeds; some may be missing.

    Attributes:
        folders: where each run is.
        released: whether first flips are counted by the convention of 2019; see :meth:`RunResults.as_released`.
        left_out: a sentence on runs that erase or decide otherwise than in 2019; empty where there are none.
    """

    folders: dict[Run, Path]
    released: bool = False
    left_out: str = ""

    @classmethod
    def find(cls, paths: Iterable[Path], *, released: bool = False) -> RunGrid:
        """The finished runs that these folders are or have below them.

        Raises:
            InputError: a folder is not there or has no finished run, or two runs are the same.
        """
        folders: dict[Run, Path] = {}
        found, left_out = of_the_papers(find_runs(paths))
        for folder in found:
            config = read_configuration(folder / "config.json")
            settings = config["settings"]
            model = model_of(config, folder / "config.json")
            run = Run(str(settings["dataset"]), model, int(settings["seed"]))
            if folders.setdefault(run, folder) != folder:
                raise InputError(
                    f"{folders[run]} and {folder} are both {run.dataset} · {run.model} · seed {run.seed}: give one."
                )
        return cls(folders, released, left_out)

    @cached_property
    def datasets(self) -> list[str]:
        """Their datasets, in order of display."""
        return datasets_in_order(run.dataset for run in self.folders)

    @cached_property
    def models(self) -> list[str]:
        """Their models, in order of display."""
        return models_in_order(run.model for run in self.folders)

    @cached_property
    def file_names(self) -> dict[str, str]:
        """What of a file's name tells each model from the others: its own name, or the last part of a path to it."""
        names = {model: re.sub(r"[^\w.-]+", "_", short_model_name(model)) for model in self.models}
        taken = Counter(names.values())
        return {
            model: name if taken[name] == 1 else f"{name}-{self.models.index(model)}" for model, name in names.items()
        }

    def seeds(self, dataset: str, model: str) -> list[int]:
        """The seeds of a pair, in ascending order."""
        return sorted(run.seed for run in self.folders if (run.dataset, run.model) == (dataset, model))

    def results(self, dataset: str, model: str, seed: int | None = None) -> RunResults | None:
        """Results of a pair with this seed, or the lowest; None where there are none to show.

        They are read anew each time: together, those of a large grid would not fit into memory.
        """
        seeds = self.seeds(dataset, model)
        if not seeds:
            return None
        results = RunResults.load(self.folders[Run(dataset, model, seeds[0] if seed is None else seed)])
        results = results.as_released() if self.released else results
        return results if (results.documents["n"] > 1).any() else None

    def title(self, ordering: str) -> str:
        """What readers are shown for an ordering of any of the runs."""
        return record_of(self._records, ordering).title

    @cached_property
    def _records(self) -> dict[str, OrderingRecord]:
        records: dict[str, OrderingRecord] = {}
        for folder in self.folders.values():
            records |= recorded_orderings(read_configuration(folder / "config.json"))
        return records

    def why_missing(self, dataset: str, model: str) -> str:
        """What stands where the results of a pair would."""
        pair = f"{model_name(model)} on {dataset}"
        return f"{pair}: no document has several items" if self.seeds(dataset, model) else f"No run of {pair}"

    @cached_property
    def seed_note(self) -> str:
        """Which seed is drawn, in words."""
        lowest = {min(self.seeds(run.dataset, run.model)) for run in self.folders}
        return f"seed {lowest.pop()}" if len(lowest) == 1 else "lowest seed of each pair"

    @cached_property
    def sample_note(self) -> str:
        """Of which documents, where in some run not of all, in words; else empty."""
        runs = map(RunResults.load, self.folders.values())
        sampled = max((len(run.chosen) for run in runs if run.chosen is not None), default=0)
        return f"of larger runs a seeded sample of {sampled:,} documents" if sampled else ""

    @property
    def note(self) -> str:
        """What is drawn: ``seed_note`` and ``sample_note``, and by which convention where it is that of 2019."""
        convention = "flips counted as released in 2019" if self.released else ""
        return ", ".join(filter(None, [self.seed_note, self.sample_note, convention]))
