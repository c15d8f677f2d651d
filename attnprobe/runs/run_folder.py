"""The run folder: one dataset, one model, one seed; what is in it, what made it, and what of it can be reused."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from attnprobe.base.atomic_files import remove_leftovers, replacing
from attnprobe.base.bounds import MOST_JSON_BYTES
from attnprobe.base.errors import InputError, UnreadableError
from attnprobe.base.own_files import own_folder
from attnprobe.base.parquet.bounded_files import metadata_of
from attnprobe.base.plain_files import read_text
from attnprobe.base.run_layout import (
    CONFIG,
    DRAWN,
    FIGURES,
    IDENTIFICATION,
    MODEL,
    SHARDS,
    begin_manifest,
    check_run_folder,
    clear_run_folder,
)
from attnprobe.base.run_layout import TABLES as FOLDER_OF_TABLES
from attnprobe.base.run_lock import locked
from attnprobe.base.visible import in_json
from attnprobe.runs.configuration import FORMAT, OWN_EXPLANATIONS, RATIONALES, RunConfiguration
from attnprobe.runs.meaning_records import OTHERWISE
from attnprobe.runs.measurement_records import MEASUREMENTS_ENTRY
from attnprobe.runs.ordering_records import ENTRY
from attnprobe.settings.attention import FULL, QUICK, AttentionSettings
from attnprobe.settings.doors import in_configuration
from attnprobe.settings.run_settings import RunSettings
from attnprobe.settings.unfit import told_by

TABLES = ("documents", "erasures", "items")
"""What every run has."""

MAPS_OF_HEADS: Mapping[str, str] = {FULL: "heads", QUICK: "head_effects"}
"""The table of each way in which single heads are tested."""

ATTENTION_MAPS, ATTENTION_TOKENS = SEEN = ("attention_maps", "attention_tokens")
"""The tables of a few documents' attention, and of the tokens that it is of, of runs of transformers."""

CURVES = "curves"
"""The table of whole curves, of runs that keep some."""

RATIONALE_ROWS = "rationales"
"""The table of what is held against people's rationales, of runs whose data have some."""

TARGET_CURVES = "target_curves"
"""The table of whole curves of what is followed beside the decision, of runs with targets."""

OF_SHARDS = (*TABLES, CURVES, RATIONALE_ROWS, TARGET_CURVES)
"""What is made shard by shard."""

FURTHER_TABLES = (
    *(CURVES, RATIONALE_ROWS, TARGET_CURVES),
    *(*MAPS_OF_HEADS.values(), *SEEN),
    *("identifiability", "weight_ranges"),
)
"""What some runs have beside."""

ASKED = "documents"
"""Under this key a map of heads says of how many documents it was asked."""

PARQUET: Mapping[str, Any] = {"compression": "zstd", "write_page_checksum": True}
"""How tables are written: every page carries a checksum."""


def of_any_files(stamp: str) -> str:
    """A table's stamp, configuration and model, without what tells in which of several ways it was probed.

    What is no matter of these, as maps of heads and what `attnprobe identify` finds, has stamps like this.

    >>> of_any_files("1f+9a/c0"), of_any_files("1f/c0")
    ('1f/c0', '1f/c0')
    """
    configuration, apart, model = stamp.partition("/")
    return configuration.partition("+")[0] + apart + model


class RunFolder:
    """Paths and contents of a run's files.

    Args:
        path: of the folder.
        within: the folder that the user named, if it is one above. It may be reached through links, what lies inside
            may not.
    """

    def __init__(self, path: Path, within: Path | None = None) -> None:
        self.path = path
        self.within = within or path
        self.config = path / CONFIG
        self.model = path / "model.safetensors"
        self.checkpoint = path / MODEL
        self.training_state = path / "training-state.safetensors"
        self.validation_states = path / "validation-states.safetensors"
        self.identification_state = path / IDENTIFICATION
        self.training_log = path / "training.csv"
        self.training_vectors = path / "training-vectors.safetensors"
        self.sinks = path / "sinks.json"
        self.vocabulary = path / "vocabulary.txt"
        self.summary = path / "summary.json"
        self.tables = path / FOLDER_OF_TABLES
        self.figures = path / FIGURES
        self.drawn = path / DRAWN
        self.shards = path / SHARDS
        self.execution_log = path / "execution.jsonl"
        self.lock = path / "run.lock"

    @classmethod
    def of(cls, out: Path, settings: RunSettings) -> RunFolder:
        """The folder ``out/<dataset>/<model>/seed-<N>``."""
        return cls(out / settings.dataset / settings.model_folder / f"seed-{settings.seed}", out)

    def table(self, name: str) -> Path:
        """The Parquet file of one of the ``TABLES`` and ``FURTHER_TABLES``."""
        return self.path / f"{name}.parquet"

    def views(self) -> list[Path]:
        """The folders of the views that have been probed, in order of name: runs inside this one."""
        found = sorted(self.path.glob("*/config.json")) if self.config.exists() else []
        return [config.parent for config in found if RunFolder(config.parent, self.within).probed_fingerprint()]

    def check(self) -> None:
        """See to it that nothing that is opened here is a link, a pipe or a device.

        Raises:
            InputError: something is; it is named.
        """
        check_run_folder(self.path, self.within)

    @contextmanager
    def locked(self, *, shared: bool = False) -> Iterator[None]:
        """Make the folder if need be and hold its lock; what killed processes left in it is removed.

        Args:
            shared: whether others may hold it too, if they share it as well.

        Raises:
            InputError: someone else holds it, or the folder cannot be used.
        """
        self.check()
        own_folder(self.path, self.within)
        with locked(self.lock, self.path, shared=shared):
            if not shared:
                remove_leftovers(self.path)
                begin_manifest(self.path)
            yield

    def open(self, configuration: RunConfiguration, *, force: bool = False) -> None:
        """Make the folder for this configuration, or go on in it if it was made for the same.

        Args:
            configuration: what is to be run.
            force: throw away what is there and start over.

        Raises:
            InputError: the folder holds a run with other settings or data, or cannot be used.
        """
        self.check()
        own_folder(self.path, self.within)
        begin_manifest(self.path)
        if force:
            clear_run_folder(self.path)
        if self.config.exists():
            present = self.read_configuration()
            if present.fingerprint != configuration.fingerprint:
                raise InputError(
                    f"{self.config} was made with {present.difference(configuration)}; "
                    "give another --out, or --force to start over."
                )
            if (present.settings, present.beside()) != (configuration.settings, configuration.beside()):
                self.record_settings(configuration)
            return
        write_json(self.config, configuration.to_json())

    def record_settings(self, configuration: RunConfiguration) -> None:
        """Say in ``config.json`` what can be asked of a run at any time: a map of heads, other explanations, …"""
        content = json.loads(read_text(self.config, MOST_JSON_BYTES)) | {"settings": configuration.settings.to_json()}
        for name in (OWN_EXPLANATIONS, RATIONALES):
            content.pop(name, None)
        write_json(self.config, content | configuration.beside())

    def read_configuration(self) -> RunConfiguration:
        """What the run was made with.

        Raises:
            InputError: there is no run here, or its ``config.json`` is not one, or the folder cannot be used.
        """
        self.check()
        try:
            content = json.loads(read_text(self.config, MOST_JSON_BYTES))
            if content.get("format") != FORMAT:
                raise InputError(
                    f"{self.config} is of format {content.get('format')}, but this attnprobe reads format {FORMAT}: "
                    "start over with --force."
                )
            with told_by(in_configuration):
                return RunConfiguration.from_json(content)
        except InputError as error:
            sentence = str(error)
            raise InputError(sentence if str(self.config) in sentence else f"{self.config}: {sentence}") from None
        except (FileNotFoundError, NotADirectoryError):
            raise InputError(f"{self.path} is not a run: there is no config.json in it.") from None
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise InputError(f"{self.config} is not a run's configuration; start over with --force.") from None

    def record_registered(self, entries: Mapping[str, Any]) -> None:
        """Say in ``config.json`` by what the run is probed, where other packages were there when it was begun.

        Args:
            entries: as ``what_is_registered`` gives them.
        """
        before = json.loads(read_text(self.config, MOST_JSON_BYTES))
        kept = {name: entry for name, entry in before.items() if name not in (ENTRY, MEASUREMENTS_ENTRY, OTHERWISE)}
        content = kept | dict(entries)
        if content != before:
            write_json(self.config, {name: content[name] for name in (*before, *content) if name in content})

    def write_tables(self, tables: Mapping[str, pa.Table], fingerprint: str) -> None:
        """Write the Parquet files, each stamped with what made it; all are there or the run is not probed."""
        for name in (*(name for name in FURTHER_TABLES if name in tables), *TABLES):
            self.write_table(name, [tables[name]], fingerprint)

    def write_table(self, name: str, windows: Iterable[pa.Table], fingerprint: str, **further: str) -> int:
        """Write one of the Parquet files, a row group for each of the tables that have rows.

        Args:
            name: of the table.
            windows: one at least, all with the same columns; gone through once.
            fingerprint: what made it.
            further: what else the file says of itself.

        Returns:
            How many rows there are.
        """
        rows = 0
        with replacing(self.table(name)) as temporary, ExitStack() as stack:
            writer: pq.ParquetWriter | None = None
            for window in windows:
                if writer is None:
                    schema = window.schema.with_metadata({"attnprobe": fingerprint, **further})
                    writer = stack.enter_context(pq.ParquetWriter(temporary, schema, **PARQUET))
                if len(window):
                    writer.write_table(window, row_group_size=len(window))
                rows += len(window)
        return rows

    def is_probed(self, fingerprint: str) -> bool:
        """Whether all tables are there and were made by this configuration and these weights."""
        try:
            stamps = {metadata_of(self.table(name)).get(b"attnprobe") for name in TABLES}
        except (OSError, InputError, UnreadableError):
            return False
        return stamps == {fingerprint.encode()}

    def lacks_map_of_heads(self, attention: AttentionSettings | None, fingerprint: str) -> bool:
        """Whether a map of single heads is asked for that is not there, or of as many documents as are asked for."""
        if attention is None or not attention.head_map_documents:
            return False
        try:
            metadata = metadata_of(self.table(MAPS_OF_HEADS[attention.head_map]))
        except (OSError, InputError, UnreadableError):
            return True
        asked = str(attention.head_map_documents).encode()
        # Tables of before do not say of how many they were asked.
        return metadata.get(b"attnprobe") != fingerprint.encode() or metadata.get(ASKED.encode(), asked) != asked

    def is_finished(self, settings: RunSettings) -> bool:
        """Whether a run with these settings has been trained, probed and reported here.

        The data are not read again: whether they have changed since is not asked.
        """
        try:
            configuration = self.read_configuration()
        except InputError:
            return False
        stamp, present = self.read_summary().get("reported"), configuration.settings
        if present.training is None:  # tested as it is: how it would be trained does not matter
            settings = dataclasses.replace(settings, training=None)
        if (present.identity(), present.erase_by) != (settings.identity(), settings.erase_by):
            return False
        if stamp is None or not self.is_probed(stamp):
            return False
        if settings.certify not in (0, present.certify):
            return False
        _, apart, model = stamp.partition("/")
        made_by = configuration.read_by if apart else stamp
        return not self.lacks_map_of_heads(settings.attention_by_head, made_by + apart + model)

    def probed_fingerprint(self) -> str | None:
        """What the documents' table was made by."""
        try:
            metadata = metadata_of(self.table("documents"))
        except (OSError, InputError, UnreadableError):
            return None
        stamp = metadata.get(b"attnprobe")
        return None if stamp is None else stamp.decode(errors="replace")

    def note(self, **entries: Any) -> dict[str, Any]:  # noqa: ANN401
        """Add entries to ``summary.json``, and return all of it; a dictionary is merged into the one that is there."""
        summary = self.read_summary()
        for key, value in entries.items():
            present = summary.get(key)
            summary[key] = present | value if isinstance(value, dict) and isinstance(present, dict) else value
        write_json(self.summary, summary)
        return summary

    def read_summary(self) -> dict[str, Any]:
        """The content of ``summary.json``; empty when there is none, or none that could be written again."""
        try:
            content = json.loads(read_text(self.summary, MOST_JSON_BYTES))
            json.dumps(content, ensure_ascii=False, allow_nan=False).encode()
        except (FileNotFoundError, ValueError, RecursionError):
            return {}
        return content if isinstance(content, dict) else {}

    @contextmanager
    def timed(self, stage: str) -> Iterator[dict[str, Any]]:
        """Note the wall-clock seconds of a stage that was gone through to its end, and what is in the dictionary."""
        started = perf_counter()
        beside: dict[str, Any] = {}
        yield beside
        self.note(**beside, seconds={stage: round(perf_counter() - started, 2)})


def write_json(path: Path, content: Any) -> None:  # noqa: ANN401
    """Write a JSON file that is there whole or not at all."""
    text = in_json(json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False))
    with replacing(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def readout_bias(summary: Mapping[str, Any]) -> list[float] | None:
    """A readout's bias as a run notes it in its summary, a number a class; None where it noted none, or no numbers."""
    bias = summary.get("readout_bias")
    if not isinstance(bias, list) or not all(type(number) in (int, float) for number in bias):
        return None
    try:
        return [float(number) for number in bias]
    except OverflowError:  # JSON has whole numbers of any length
        return None


def left_out_before(summary: Mapping[str, Any], under: str | None = None) -> int:
    """How many documents a run's summary says were left out, or of those ``under`` a name; what says no number is none.

    >>> noted = {"quarantined": {"documents": 2, "single_heads": {"documents": 1}}}
    >>> left_out_before(noted), left_out_before(noted, "single_heads"), left_out_before({"quarantined": "x"})
    (2, 1, 0)
    """
    entry = summary.get("quarantined")
    if under is not None:
        entry = entry.get(under) if isinstance(entry, dict) else None
    count = entry.get("documents") if isinstance(entry, dict) else 0
    return count if type(count) is int and count > 0 else 0
