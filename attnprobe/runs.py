"""The run folder: one dataset, one model, one seed; what is in it, what made it, and what of it can be reused."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
import json
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from attnprobe import __version__
from attnprobe.atomic_files import remove_leftovers, replacing
from attnprobe.data.limits import DataLimits
from attnprobe.errors import InputError
from attnprobe.models import MODELS, Dropout
from attnprobe.training import TrainingSettings

FORMAT = 1
"""Counts up when the meaning of a run's files changes: older ones are then not reused."""

TABLES = ("documents", "erasures", "items")
_VERSIONS = ("torch", "numpy", "pandas", "scipy", "pyarrow", "safetensors", "spacy")


@dataclass(frozen=True)
class RunSettings:
    """Everything that decides what a run computes.

    Attributes:
        dataset: registered name, or the folder's name.
        model: registered name.
        seed: of initial weights, order of batches, dropout, random orderings.
        word2vec: start from word2vec embeddings of the dataset's own text.
        data: how much of the dataset is used.
        dropout: rates.
        training: how to train.
    """

    dataset: str
    model: str
    seed: int = 0
    word2vec: bool = False
    data: DataLimits = field(default_factory=DataLimits)
    dropout: Dropout = field(default_factory=Dropout)
    training: TrainingSettings = field(default_factory=TrainingSettings)


@dataclass(frozen=True)
class DataSource:
    """Where a run's data come from: what it takes to load them again."""

    location: str
    label_column: str | None
    text_column: str | None
    fingerprint: str
    labels: list[str]
    documents: dict[str, int]


@dataclass(frozen=True)
class RunConfiguration:
    """The content of ``config.json``."""

    settings: RunSettings
    data: DataSource

    @property
    def fingerprint(self) -> str:
        """Hexadecimal; another one whenever settings, data or the format of runs are others."""
        identity = {
            "format": FORMAT,
            "settings": dataclasses.asdict(self.settings),
            "data": self.data.fingerprint,
        }
        return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """What ``config.json`` holds, the versions of everything at work included."""
        return {
            "attnprobe": __version__,
            "format": FORMAT,
            "fingerprint": self.fingerprint,
            "settings": dataclasses.asdict(self.settings),
            "unit": MODELS[self.settings.model].unit,
            "data": dataclasses.asdict(self.data),
            "versions": {
                "python": platform.python_version(),
                **{name: importlib.metadata.version(name) for name in _VERSIONS},
            },
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> RunConfiguration:
        """The inverse of :meth:`to_json`; raises KeyError or TypeError on anything else."""
        settings = dict(content["settings"])
        settings["data"] = DataLimits(**settings["data"])
        settings["dropout"] = Dropout(**settings["dropout"])
        settings["training"] = TrainingSettings(**settings["training"])
        return cls(RunSettings(**settings), DataSource(**content["data"]))


class RunFolder:
    """Paths and contents of a run's files."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config = path / "config.json"
        self.model = path / "model.safetensors"
        self.training_state = path / "training-state.safetensors"
        self.training_log = path / "training.csv"
        self.vocabulary = path / "vocabulary.txt"
        self.summary = path / "summary.json"
        self.tables = path / "tables"
        self.figures = path / "figures"

    @classmethod
    def of(cls, out: Path, settings: RunSettings) -> RunFolder:
        """The folder ``out/<dataset>/<model>/seed-<N>``."""
        return cls(out / settings.dataset / settings.model / f"seed-{settings.seed}")

    def table(self, name: str) -> Path:
        """The Parquet file of one of the ``TABLES``."""
        return self.path / f"{name}.parquet"

    def open(self, configuration: RunConfiguration, *, force: bool = False) -> None:
        """Make the folder for this configuration, or go on in it if it was made for the same.

        Args:
            configuration: what is to be run.
            force: throw away what is there and start over.

        Raises:
            InputError: the folder holds a run with other settings or data.
        """
        if force:
            self._clear()
        if self.config.exists():
            present = self.read_configuration()
            if present.fingerprint != configuration.fingerprint:
                raise InputError(
                    f"{self.config} was made with {_difference(present, configuration)}; "
                    "give another --out, or --force to start over."
                )
            remove_leftovers(self.path)
            return
        self.path.mkdir(parents=True, exist_ok=True)
        write_json(self.config, configuration.to_json())

    def read_configuration(self) -> RunConfiguration:
        """What the run was made with.

        Raises:
            InputError: there is no run here, or its ``config.json`` is not one.
        """
        try:
            content = json.loads(self.config.read_text(encoding="utf-8"))
            if content.get("format") != FORMAT:
                raise InputError(
                    f"{self.config} is of format {content.get('format')}, but this attnprobe reads format {FORMAT}: "
                    "start over with --force."
                )
            return RunConfiguration.from_json(content)
        except (FileNotFoundError, NotADirectoryError):
            raise InputError(f"{self.path} is not a run: there is no config.json in it.") from None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise InputError(f"{self.config} is not a run's configuration; start over with --force.") from None

    def write_tables(self, tables: Mapping[str, pa.Table], fingerprint: str) -> None:
        """Write the Parquet files, each stamped with what made it; all are there or the run is not probed."""
        for name in TABLES:
            stamped = tables[name].replace_schema_metadata({"attnprobe": fingerprint})
            with replacing(self.table(name)) as temporary:
                pq.write_table(stamped, temporary, compression="zstd")

    def is_probed(self, fingerprint: str) -> bool:
        """Whether all tables are there and were made by this configuration and these weights."""
        try:
            stamps = {pq.read_schema(self.table(name)).metadata.get(b"attnprobe") for name in TABLES}
        except (OSError, pa.ArrowInvalid, AttributeError):
            return False
        return stamps == {fingerprint.encode()}

    def is_finished(self, settings: RunSettings) -> bool:
        """Whether a run with these settings has been trained, probed and reported here.

        The data are not read again: whether they have changed since is not asked.
        """
        stamp = self.read_summary().get("reported")
        try:
            same = self.read_configuration().settings == settings
        except InputError:
            return False
        return same and stamp is not None and self.is_probed(stamp)

    def probed_fingerprint(self) -> str | None:
        """What the documents' table was made by."""
        try:
            metadata = pq.read_schema(self.table("documents")).metadata or {}
        except (OSError, pa.ArrowInvalid):
            return None
        stamp = metadata.get(b"attnprobe")
        return None if stamp is None else stamp.decode()

    def note(self, **entries: Any) -> None:  # noqa: ANN401
        """Add entries to ``summary.json``; a dictionary is merged into the one that is there."""
        summary = self.read_summary()
        for key, value in entries.items():
            summary[key] = summary.get(key, {}) | value if isinstance(value, dict) else value
        write_json(self.summary, summary)

    def read_summary(self) -> dict[str, Any]:
        """The content of ``summary.json``; empty when there is none."""
        try:
            content = json.loads(self.summary.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Note the wall-clock seconds of a stage that was gone through to its end."""
        started = perf_counter()
        yield
        self.note(seconds={stage: round(perf_counter() - started, 2)})

    def _clear(self) -> None:
        files = [
            self.config,
            self.model,
            self.training_state,
            self.training_log,
            self.vocabulary,
            self.summary,
        ]
        for folder in (self.tables, self.figures):
            files += [file for file in folder.glob("*") if file.is_file()]
        for file in [*files, *map(self.table, TABLES)]:
            file.unlink(missing_ok=True)


def _difference(present: RunConfiguration, wanted: RunConfiguration) -> str:
    """The first settings in which two configurations differ, in words."""

    def flat(configuration: RunConfiguration) -> dict[str, Any]:
        settings = dataclasses.asdict(configuration.settings)
        training: dict[str, Any] = settings.pop("training")
        return settings | training

    old, new = flat(present), flat(wanted)
    changed = [f"{key} {old[key]}, not {new[key]}" for key in new if old[key] != new[key]]
    return " and ".join(changed[:3]) or "other data (the dataset's texts, columns or tokeniser have changed)"


def write_json(path: Path, content: Any) -> None:  # noqa: ANN401
    """Write a JSON file that is there whole or not at all."""
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    with replacing(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")
