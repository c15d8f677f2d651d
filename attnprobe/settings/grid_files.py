"""Grids as TOML files: which runs belong together."""

from __future__ import annotations

import fnmatch
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from attnprobe.base.errors import InputError
from attnprobe.settings.declaration import MOST, Settings, check_known, in_words, settings_of, shown
from attnprobe.settings.experiment_files import load_experiment, read_toml, without_limit
from attnprobe.settings.run_settings import RunSettings
from attnprobe.settings.training import TrainingSettings
from attnprobe.settings.transformer import TransformerOptions
from attnprobe.settings.unfit import Named, SettingError, told_by

_RUNS = "runs"
_VARIED: Mapping[str, type[Settings]] = {table.section: table for table in (TrainingSettings, TransformerOptions)}
"""The tables of an experiment whose entries a grid can vary."""
_TABLES = {"": "", _RUNS: "[[runs]] "} | {section: f"[{_RUNS}.{section}] " for section in _VARIED}

Varied = tuple[str, str, Any]
"""A table of an experiment, one of its entries, and what that is in the place of what the file says."""


@dataclass(frozen=True)
class GridRun:
    """One run of a grid.

    Attributes:
        experiment: its file.
        seed: of the run.
        varied: entries of its tables in the place of the file's.
        probed: whether its model is tested and reported on, or only trained.
    """

    experiment: Path
    seed: int
    varied: tuple[Varied, ...] = ()
    probed: bool = True

    @property
    def name(self) -> str:
        """What the grid calls it."""
        return " ".join([self.experiment.stem, *self._varied_words(), f"seed {self.seed}"])

    def settings(self) -> RunSettings:
        """What it is made with; raises as :func:`load_experiment`."""
        varied: dict[str, dict[str, Any]] = {}
        for section, name, value in self.varied:
            varied.setdefault(section, {})[name] = value
        return load_experiment(self.experiment, self.seed, varied)

    def command(self) -> list[str]:
        """The command of ``attnprobe`` that makes it, and its arguments."""
        command = "run" if self.probed else "train"
        arguments = [command, "--experiment", str(self.experiment), "--seed", str(self.seed)]
        for section, name, value in self.varied:
            arguments += settings_of(_VARIED[section])[name].arguments(value)
        return arguments

    def _varied_words(self) -> list[str]:
        return [f"{name} {in_words(value)}" for _, name, value in self.varied]


def load_grid(path: Path, seeds: list[int] | None = None, only: str = "*") -> list[GridRun]:
    """The runs of a grid, in its file's order, none twice.

    The file holds tables ``[[runs]]``, each with ``experiments`` (names of files beside it, ``*`` and ``?`` allowed)
    and ``seeds``. A table ``[runs.transformer]`` or ``[runs.training]`` lists values of entries of the experiments'
    table of that name: there is a run of every combination of them. Where ``probe`` is false, models are trained and
    not tested.

    Args:
        path: the grid's file.
        seeds: these in the place of the file's.
        only: experiments whose name (without ``.toml``) matches this pattern.

    Raises:
        InputError: the file cannot be used, or nothing matches.
    """
    content = read_toml(path)
    with told_by(_in_grid, f"{path}: "):
        check_known("", content, (_RUNS,))
        tables = [(table, _combinations(table)) for table in _run_tables(content)]
    runs: dict[GridRun, None] = {}
    for table, combinations in tables:
        for pattern in table.get("experiments", []):
            try:
                experiments = sorted(file for file in path.parent.glob(pattern) if file != path)
            except (ValueError, NotImplementedError, OSError):  # empty, absolute, with a NUL, or too long
                experiments = []
            if not experiments:
                raise InputError(f"{path}: no experiment beside it is called {pattern!r}.")
            chosen = [file for file in experiments if fnmatch.fnmatch(file.stem, only)]
            for seed, varied, file in itertools.product(seeds or table.get("seeds", [0]), combinations, chosen):
                runs[GridRun(file, seed, varied, table.get("probe", True))] = None
    if not runs:
        raise InputError(f"{path}: no experiment matches {only!r}.")
    return list(runs)


def _in_grid(section: str, name: str) -> str:
    """What an entry of a grid's file is called."""
    return f"{_TABLES[section]}{name}"


def _run_tables(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The tables ``[[runs]]``, their entries of the kinds that they should be."""
    tables = content.get(_RUNS, [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise SettingError("", "{} must be tables, [[runs]], not {}.", Named(_RUNS), shown(tables))
    for table in tables:
        check_known(_RUNS, table, ("experiments", "seeds", "probe", *_VARIED))
        for name, wanted, fits in _ENTRIES:
            if name in table and not fits(table[name]):
                raise SettingError(_RUNS, "{} must be {}, not {}.", Named(name), wanted, shown(table[name]))
    return tables


def _are_names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _are_seeds(value: object) -> bool:
    return isinstance(value, list) and all(type(each) is int and 0 <= each <= MOST for each in value)


_ENTRIES: tuple[tuple[str, str, Callable[[object], bool]], ...] = (
    ("experiments", "a list of names of files", _are_names),
    ("seeds", f"a list of whole numbers from 0 to {MOST}", _are_seeds),
    ("probe", "true or false", lambda value: isinstance(value, bool)),
    *((section, f"a table, [{_RUNS}.{section}]", lambda value: isinstance(value, dict)) for section in _VARIED),
)
"""What ``[[runs]]`` may say, in words and as a test."""


def _combinations(table: Mapping[str, Any]) -> list[tuple[Varied, ...]]:
    """Every combination of the values that each setting is to have."""
    choices = []
    for section, settings in _VARIED.items():
        varied, declared = table.get(section, {}), settings_of(settings)
        check_known(section, varied, declared)
        for name, values in varied.items():
            if not isinstance(values, list) or not values:
                raise SettingError(section, "{} must be a list of values, not {}.", Named(name), shown(values))
            # Lists are made tuples, so that runs can be told from one another by comparing them.
            values = [tuple(value) if isinstance(value, list) else value for value in values]
            values = [without_limit(declared[name].optional, value) for value in values]
            for value in values:
                declared[name].check(value)
            choices.append([(section, name, value) for value in values])
    return list(itertools.product(*choices))
