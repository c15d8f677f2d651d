"""Experiments and grids as TOML files: what a run is made with, and which runs belong together."""

from __future__ import annotations

import dataclasses
import difflib
import fnmatch
import itertools
import math
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar

from attnprobe.base.bounds import MOST_TOML_BYTES
from attnprobe.base.errors import InputError
from attnprobe.base.plain_files import read_text
from attnprobe.base.registry import Registry
from attnprobe.erasure.registered_decisions import CLASS, DECISIONS
from attnprobe.erasure.registered_ways import ERASING, RENORMALISE
from attnprobe.settings.attention import AttentionSettings
from attnprobe.settings.data import DataLimits
from attnprobe.settings.dropout import Dropout
from attnprobe.settings.kinds import SECTIONS, Kind, kind_of
from attnprobe.settings.ranges import MOST
from attnprobe.settings.run_settings import RunSettings
from attnprobe.settings.transformer import TRANSFORMER, TransformerOptions

S = TypeVar("S")

NONE = "none"
"""How a file says that there is no limit, where there could be one."""


def load_experiment(path: Path, seed: int, varied: Mapping[str, Any] | None = None) -> RunSettings:
    """The settings that an experiment's file describes, with this seed.

    The file names a ``dataset`` and a ``model``, perhaps a way of erasing (``erase_by``) and a ``decision``, and may
    have tables ``[data]``, ``[dropout]`` and ``[training]`` whose keys are the fields of ``DataLimits``, ``Dropout``
    and ``TrainingSettings``; ``word2vec`` is true or false, and a limit that is not to be is ``"none"``. A Hugging Face
    model, ``hf:PATH_OR_ID``, may have a table ``[attention]`` with the fields of ``AttentionSettings``, and neither
    ``[dropout]`` nor ``word2vec``. So may the model ``transformer``, which may also have a table ``[transformer]`` with
    the fields of ``TransformerOptions``.

    Args:
        path: the experiment's file.
        seed: of the run.
        varied: entries of ``[transformer]`` in the place of the file's.

    Raises:
        InputError: the file is missing, is not TOML, or holds an unknown or unfit entry.
    """
    content = _read(path)
    known = ("dataset", "model", "word2vec", "erase_by", "decision", *_TABLES)
    _check_keys(path, content, known, "")
    for key in ("dataset", "model"):
        if not isinstance(content.get(key), str) or not content[key].strip():
            raise InputError(f"{path}: {key!r} must name a {key}.")
    with _of_file(path):
        kind = kind_of(content["model"])
    if varied and isinstance(content.setdefault(TRANSFORMER, {}), dict):
        content[TRANSFORMER].update(varied)
    for section in SECTIONS:
        if section in content and section not in kind.sections:
            raise InputError(f"{path}: {section!r} is not for the model {content['model']}.")
    with _of_file(path):
        model = kind.canonical(content["model"])
    return RunSettings(
        dataset=content["dataset"],
        model=model,
        seed=seed,
        word2vec=_truth(path, content, "word2vec", "", default=False),
        data=_section(path, content, "data", DataLimits()),
        dropout=_section(path, content, "dropout", Dropout()),
        training=_section(path, content, "training", kind.training),
        attention=_attention(path, content, kind) if "attention" in kind.sections else None,
        transformer=_section(path, content, TRANSFORMER, TransformerOptions())
        if TRANSFORMER in kind.sections
        else None,
        erase_by=_registered(path, content, "erase_by", RENORMALISE, ERASING),
        decision=_registered(path, content, "decision", CLASS, DECISIONS),
    )


_TABLES = ("data", "dropout", "training", "attention", TRANSFORMER)


def _registered(path: Path, content: Mapping[str, Any], key: str, default: str, registry: Registry[Any]) -> str:
    name = str(_value(path, repr(key), content.get(key, default), "str"))
    with _of_file(path):
        return registry.require(name)


def _attention(path: Path, content: Mapping[str, Any], kind: Kind) -> AttentionSettings:
    settings = _section(path, content, "attention", AttentionSettings(unit=kind.units[0]))
    for key, known in (("unit", kind.units), ("aggregate", ("mean", "max"))):
        if getattr(settings, key) not in known:
            raise InputError(f"{path}: {key!r} in [attention] must be {' or '.join(map(repr, known))}.")
    if settings.label_words and kind.from_scratch:
        raise InputError(f"{path}: 'label_words' in [attention]: {content['model']} decides between its own labels.")
    return settings


@dataclass(frozen=True)
class GridRun:
    """One run of a grid.

    Attributes:
        experiment: its file.
        seed: of the run.
        varied: entries of ``[transformer]`` in the place of the file's.
        probed: whether its model is tested and reported on, or only trained.
    """

    experiment: Path
    seed: int
    varied: tuple[tuple[str, Any], ...] = ()
    probed: bool = True

    @property
    def name(self) -> str:
        """What the grid calls it."""
        return " ".join([self.experiment.stem, *self._varied_words(), f"seed {self.seed}"])

    def settings(self) -> RunSettings:
        """What it is made with; raises as :func:`load_experiment`."""
        return load_experiment(self.experiment, self.seed, dict(self.varied))

    def command(self) -> list[str]:
        """The command of ``attnprobe`` that makes it, and its arguments."""
        command = "run" if self.probed else "train"
        arguments = [command, "--experiment", str(self.experiment), "--seed", str(self.seed)]
        for name, value in self.varied:
            flag = name.replace("_", "-")
            if isinstance(value, bool):
                arguments.append(f"--{flag}" if value else f"--no-{flag}")
            else:
                arguments += [f"--{flag}", ",".join(value) if isinstance(value, tuple) else str(value)]
        return arguments

    def _varied_words(self) -> list[str]:
        return [f"{name} {' '.join(value) if isinstance(value, tuple) else value}" for name, value in self.varied]


def load_grid(path: Path, seeds: list[int] | None = None, only: str = "*") -> list[GridRun]:
    """The runs of a grid, in its file's order, none twice.

    The file holds tables ``[[runs]]``, each with ``experiments`` (names of files beside it, ``*`` and ``?`` allowed)
    and ``seeds``. A table ``[runs.transformer]`` lists values of entries of the experiments' ``[transformer]``: there
    is a run of every combination of them. Where ``probe`` is false, models are trained and not tested.

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
    for table in _run_tables(path, content):
        combinations = _combinations(path, table.get(TRANSFORMER, {}))
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


def _run_tables(path: Path, content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The tables ``[[runs]]``, their entries of the kinds that they should be."""
    tables = content.get("runs", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise InputError(f"{path}: 'runs' must be tables, [[runs]].")
    for table in tables:
        _check_keys(path, table, ("experiments", "seeds", "probe", TRANSFORMER), " in [[runs]]")
        for name, kind, words in (("experiments", str, "names of files"), ("seeds", int, "whole numbers")):
            values = table.get(name, [])
            if not isinstance(values, list) or not all(isinstance(v, kind) and not isinstance(v, bool) for v in values):
                raise InputError(f"{path}: {name!r} in [[runs]] must be a list of {words}, not {values!r}.")
        for seed in table.get("seeds", []):
            if not 0 <= seed <= MOST:
                raise InputError(f"{path}: 'seeds' in [[runs]] must be whole numbers from 0 to {MOST}, not {seed}.")
        _truth(path, table, "probe", " in [[runs]]", default=True)
    return tables


def _combinations(path: Path, varied: Mapping[str, Any]) -> list[tuple[tuple[str, Any], ...]]:
    """Every combination of the values that each entry is to have."""
    if not isinstance(varied, dict):
        raise InputError(f"{path}: {TRANSFORMER!r} in [[runs]] must be a table, [runs.{TRANSFORMER}].")
    fields = tuple(field.name for field in dataclasses.fields(TransformerOptions))
    _check_keys(path, varied, fields, f" in [runs.{TRANSFORMER}]")
    for name, values in varied.items():
        if not isinstance(values, list) or not values:
            raise InputError(f"{path}: {name!r} in [runs.{TRANSFORMER}] must be a list of values, not {values!r}.")
        for value in values:
            words = value if isinstance(value, list) else []
            if isinstance(value, dict) or not all(isinstance(word, str) for word in words):
                raise InputError(f"{path}: {name!r} in [runs.{TRANSFORMER}] cannot be {value!r}.")
    # Lists are made tuples, so that runs can be told from one another by comparing them.
    choices = [[(name, tuple(v) if isinstance(v, list) else v) for v in values] for name, values in varied.items()]
    return list(itertools.product(*choices))


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(read_text(path, MOST_TOML_BYTES))
    except OSError as error:
        raise InputError(f"{path}: the file cannot be read ({error.strerror}).") from None
    except ValueError as error:  # not UTF-8, not TOML, or a number of thousands of digits
        raise InputError(f"{path}: not TOML ({error}).") from None
    except RecursionError:
        raise InputError(f"{path}: not TOML (tables or lists are nested too deeply).") from None


def _section(path: Path, content: Mapping[str, Any], name: str, defaults: S) -> S:
    """The defaults (a dataclass) with what the file's table of this name says."""
    table = content.get(name, {})
    fields = {field.name: str(field.type) for field in dataclasses.fields(defaults)}  # type: ignore[arg-type]
    if not isinstance(table, dict):
        raise InputError(f"{path}: {name!r} must be a table, [{name}].")
    _check_keys(path, table, tuple(fields), f" in [{name}]")
    values = {key: _value(path, f"{key!r} in [{name}]", value, fields[key]) for key, value in table.items()}
    with _of_file(path, f", [{name}]"):
        return dataclasses.replace(defaults, **values)  # type: ignore[type-var]


@contextmanager
def _of_file(path: Path, where: str = "") -> Iterator[None]:
    """Let what is refused within be refused as an entry of the file."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{path}{where}: {error}") from None


def _truth(path: Path, table: Mapping[str, Any], name: str, where: str, *, default: bool) -> bool:
    """An entry that is true or false; ``"false"`` in quotation marks is a text, and neither."""
    value = table.get(name, default)
    if not isinstance(value, bool):
        raise InputError(f"{path}: {name!r}{where} must be true or false, not {value!r}.")
    return value


def _value(path: Path, what: str, value: object, kind: str) -> object:
    """A value as a field of this kind holds it."""
    if "None" in kind and value == NONE:
        return None
    if kind.startswith("tuple"):
        if not isinstance(value, list | tuple) or not all(isinstance(word, str) and word.strip() for word in value):
            raise InputError(f"{path}: {what} must be a list of words, not {value!r}.")
        return tuple(value)
    wanted, words = _KINDS[kind.removesuffix(" | None")]
    if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
        raise InputError(f"{path}: {what} must be {words}, not {value!r}.")
    if isinstance(value, float) and not math.isfinite(value):
        raise InputError(f"{path}: {what} must be {words} that is finite, not {value}.")
    if isinstance(value, str) and not value.strip():
        raise InputError(f"{path}: {what} must be {words} that is not empty, not {value!r}.")
    return value


_KINDS: dict[str, tuple[type | UnionType, str]] = {
    "int": (int, "a whole number"),
    "float": (int | float, "a number"),
    "bool": (bool, "true or false"),
    "str": (str, "a text"),
}


def _check_keys(path: Path, table: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.0)
            raise InputError(f"{path}: unknown entry {key!r}{where}; did you mean {near[0]!r}?")
