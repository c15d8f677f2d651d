"""Experiments and grids as TOML files: what a run is made with, and which runs belong together."""

from __future__ import annotations

import dataclasses
import difflib
import fnmatch
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from attnprobe.data.limits import DataLimits
from attnprobe.errors import InputError
from attnprobe.models import MODELS, Dropout
from attnprobe.runs import RunSettings
from attnprobe.training import TrainingSettings

S = TypeVar("S")

NONE = "none"
"""How a file says that there is no limit, where there could be one."""


def load_experiment(path: Path, seed: int) -> RunSettings:
    """The settings that an experiment's file describes, with this seed.

    The file names a ``dataset`` and a ``model``, and may have tables ``[data]``, ``[dropout]`` and ``[training]`` whose
    keys are the fields of ``DataLimits``, ``Dropout`` and ``TrainingSettings``; ``word2vec`` is true or false, and a
    limit that is not to be is ``"none"``.

    Raises:
        InputError: the file is missing, is not TOML, or holds an unknown or unfit entry.
    """
    content = _read(path)
    known = ("dataset", "model", "word2vec", "data", "dropout", "training")
    _check_keys(path, content, known, "")
    for key in ("dataset", "model"):
        if not isinstance(content.get(key), str):
            raise InputError(f"{path}: {key!r} must name a {key}.")
    MODELS[content["model"]]
    return RunSettings(
        dataset=content["dataset"],
        model=content["model"],
        seed=seed,
        word2vec=bool(content.get("word2vec", False)),
        data=_section(path, content, "data", DataLimits),
        dropout=_section(path, content, "dropout", Dropout),
        training=_section(path, content, "training", TrainingSettings),
    )


@dataclass(frozen=True)
class GridRun:
    """One run of a grid: an experiment's file and a seed."""

    experiment: Path
    seed: int

    @property
    def name(self) -> str:
        """What the grid calls it."""
        return f"{self.experiment.stem} seed {self.seed}"


def load_grid(path: Path, seeds: list[int] | None = None, only: str = "*") -> list[GridRun]:
    """The runs of a grid, in its file's order, none twice.

    The file holds tables ``[[runs]]``, each with ``experiments`` (names of files beside it, ``*`` and ``?`` allowed)
    and ``seeds``.

    Args:
        path: the grid's file.
        seeds: these in the place of the file's.
        only: experiments whose name (without ``.toml``) matches this pattern.

    Raises:
        InputError: the file cannot be used, or nothing matches.
    """
    content = _read(path)
    _check_keys(path, content, ("runs",), "")
    runs: dict[GridRun, None] = {}
    for table in content.get("runs", []):
        _check_keys(path, table, ("experiments", "seeds"), " in [[runs]]")
        for pattern in table.get("experiments", []):
            experiments = sorted(file for file in path.parent.glob(pattern) if file != path)
            if not experiments:
                raise InputError(f"{path}: no experiment beside it is called {pattern!r}.")
            chosen = [file for file in experiments if fnmatch.fnmatch(file.stem, only)]
            runs |= {GridRun(file, seed): None for seed in seeds or table.get("seeds", [0]) for file in chosen}
    if not runs:
        raise InputError(f"{path}: no experiment matches {only!r}.")
    return list(runs)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: the file cannot be read ({error.strerror}).") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not TOML ({error}).") from None


def _section(path: Path, content: Mapping[str, Any], name: str, settings: type[S]) -> S:
    table = content.get(name, {})
    fields = {field.name: field for field in dataclasses.fields(settings)}  # type: ignore[arg-type]
    if not isinstance(table, dict):
        raise InputError(f"{path}: {name!r} must be a table, [{name}].")
    _check_keys(path, table, tuple(fields), f" in [{name}]")
    for key, value in table.items():
        if value == NONE and "None" in str(fields[key].type):
            continue
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InputError(f"{path}: {key!r} in [{name}] must be a number, not {value!r}.")
        if "int" in str(fields[key].type) and not isinstance(value, int):
            raise InputError(f"{path}: {key!r} in [{name}] must be a whole number, not {value!r}.")
    return settings(**{key: None if value == NONE else value for key, value in table.items()})


def _check_keys(path: Path, table: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.0)
            raise InputError(f"{path}: unknown entry {key!r}{where}; did you mean {near[0]!r}?")
