"""The run folders that the paper's figures and tables draw from: found, put in order, read when they are needed."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from attnprobe.analysis.results import RunResults, short_model_name
from attnprobe.errors import InputError
from attnprobe.reports.paper.order import datasets_in_order, model_name, models_in_order

TABLES = ("documents", "erasures", "items")


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
    """

    folders: dict[Run, Path]

    @classmethod
    def find(cls, paths: Iterable[Path]) -> RunGrid:
        """The finished runs that these folders are or have below them.

        Raises:
            InputError: a folder is not there, there is no finished run, or two of the same.
        """
        folders: dict[Run, Path] = {}
        paths = list(paths)
        for folder in _finished(paths):
            run = _identify(folder)
            if folders.setdefault(run, folder) != folder:
                raise InputError(
                    f"{folders[run]} and {folder} are both {run.dataset} · {run.model} · seed {run.seed}: give one."
                )
        if not folders:
            raise InputError(f"There is no finished run in {' or '.join(map(str, paths))}.")
        return cls(folders)

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
        return results if (results.documents["n"] > 1).any() else None

    def why_missing(self, dataset: str, model: str) -> str:
        """What stands where the results of a pair would."""
        pair = f"{model_name(model)} on {dataset}"
        return f"{pair}: no document has several items" if self.seeds(dataset, model) else f"No run of {pair}"

    @cached_property
    def seed_note(self) -> str:
        """Which seed is drawn, in words."""
        lowest = {min(self.seeds(run.dataset, run.model)) for run in self.folders}
        return f"seed {lowest.pop()}" if len(lowest) == 1 else "lowest seed of each pair"


def _finished(paths: Iterable[Path]) -> list[Path]:
    """Resolved, each once, in order."""
    found = set()
    for path in paths:
        if not path.is_dir():
            raise InputError(f"{path} is not a folder.")
        found |= {config.parent.resolve() for config in path.rglob("config.json") if _is_finished(config.parent)}
    return sorted(found)


def _is_finished(folder: Path) -> bool:
    """Whether all tables are there and were made together.

    A table that is there but damaged counts, so that whoever reads it says so.
    """
    tables = [folder / f"{name}.parquet" for name in TABLES]
    if not all(table.exists() for table in tables):
        return False
    try:
        stamps = {(pq.read_schema(table).metadata or {}).get(b"attnprobe") for table in tables}
    except (OSError, pa.ArrowException):
        return True
    return len(stamps) == 1


def _identify(folder: Path) -> Run:
    try:
        settings = json.loads((folder / "config.json").read_text(encoding="utf-8"))["settings"]
        return Run(str(settings["dataset"]), str(settings["model"]), int(settings["seed"]))
    except (OSError, ValueError, KeyError, TypeError):
        RunResults.load(folder)  # says what is wrong with it
        raise InputError(f"{folder / 'config.json'} is not a run's configuration.") from None
