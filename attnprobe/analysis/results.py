"""A run's results, read from its folder: the configuration and the tables of documents, erasures and items."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from attnprobe.analysis.bootstrap import Numbers
from attnprobe.errors import InputError

ORACLE = "oracle"
"""What ``ordering`` says of the smallest set that flips the decision; only of an affine readout it is known."""

NO_SMALLEST_SET = "no exact smallest set is known for this readout"
"""What is said where it would be shown, and is not among the results."""

GREEDY = "greedy"
"""Erased by gradient, ranked again after each removal: what is attainable where no smallest set is known."""

REFERENCES = (GREEDY, ORACLE)
"""What the orderings that explain are held against; in no verdict they are rivals of attention."""

RANDOM, ATTENTION = "random", "attention"

KNOWN_ORDERINGS = (RANDOM, ATTENTION, "gradient", "gradient_attention")
"""The orderings of Serrano & Smith (2019), as their figures show them; others come after these, the references last."""

ASCENDING = "attention_ascending"
"""Attention from its smallest weight up: a reference of its own, which is no rival of the orderings that explain."""

HUB = "hf:"
"""Before the path, or the identifier on the hub, of a Hugging Face model."""

HEAD_COLUMNS = (
    *("document", "stack", "layer", "head", "n", "removed_attention", "removed_random"),
    *("attention_entropy_normalised", "js_top", "js_other", "flip_top"),
)
"""Of heads.parquet, as far as they are looked at."""

NEEDED = {
    "documents": ("document", "label", "decision", "n", "attention_entropy_normalised", "top_item", "top_weight"),
    "erasures": ("document", "ordering", "draw", "removed", "mass"),
}


class FirstFlips(NamedTuple):
    """Where one ordering first flips the decisions: (documents, draws) each, NaN for never, documents with n > 1.

    Attributes:
        removed: how many items are erased by then.
        fraction: ``removed`` / n.
        mass: how much attention weight is erased by then.
    """

    removed: Numbers
    fraction: Numbers
    mass: Numbers


@dataclass(frozen=True)
class RunResults:
    """What the tests of one run gave.

    Attributes:
        folder: the run's folder.
        config: what is in config.json.
        documents: one row a document.
        erasures: one row a document × ordering × draw.
    """

    folder: Path
    config: dict[str, Any]
    documents: pd.DataFrame
    erasures: pd.DataFrame

    @classmethod
    def load(cls, folder: Path) -> RunResults:
        """Read a run folder; the table of items is left until it is asked for.

        Raises:
            InputError: a file is missing or cannot be read, or a table lacks a column.
        """
        config = _read_config(folder / "config.json")
        tables = {name: _read_table(folder / f"{name}.parquet") for name in NEEDED}
        for name, columns in NEEDED.items():
            _check_columns(folder / f"{name}.parquet", columns, list(tables[name].columns))
        return cls(folder, config, **tables)

    def items(self, columns: Sequence[str]) -> pd.DataFrame:
        """These columns of the table of items, one row a document × item; of a sample of a large split's documents.

        Raises:
            InputError: the file is missing or cannot be read, or lacks a column.
        """
        return _read_table(self.folder / "items.parquet", columns)

    def heads(self) -> pd.DataFrame | None:
        """The table of single attention heads, one row a document × head; None where the run has none.

        Raises:
            InputError: the file cannot be read, or lacks a column.
        """
        path = self.folder / "heads.parquet"
        return _read_table(path, HEAD_COLUMNS) if path.exists() else None

    def _repr_html_(self) -> str:
        from attnprobe.reports.page.notebook import frame_of_run  # drawn only where a notebook asks for it

        return frame_of_run(self)

    @property
    def dataset(self) -> str:
        """The name of the dataset."""
        return str(self.config["settings"]["dataset"])

    @property
    def model(self) -> str:
        """The name of the model."""
        return str(self.config["settings"]["model"])

    @property
    def seed(self) -> int:
        """The seed of the run."""
        return int(self.config["settings"]["seed"])

    @property
    def name(self) -> str:
        """What readers know this run by: dataset · model · seed."""
        return f"{self.dataset} · {self.short_model} · seed {self.seed}"

    @property
    def short_model(self) -> str:
        """The model's name as readers are shown it: of a checkpoint its own name, without the path."""
        checkpoint = self.config.get("checkpoint") or {}
        return str(checkpoint.get("name") or short_model_name(self.model))

    @property
    def unit(self) -> str:
        """What an item is: ``word``, ``sentence`` or ``token``."""
        return str(self.config["unit"])

    @property
    def labels(self) -> list[str]:
        """The names of the dataset's classes."""
        return [str(label) for label in self.config["data"]["labels"]]

    def class_name(self, number: int) -> str:
        """The name of a class that the model decides for: the dataset's, or its own where it was not trained."""
        own = self._own_classes.get(str(number))
        if own is not None:
            return own
        return self.labels[number] if not self._own_classes and number < len(self.labels) else str(number)

    @cached_property
    def _own_classes(self) -> dict[str, str]:
        try:
            summary = json.loads((self.folder / "summary.json").read_text(encoding="utf-8"))
            return {str(number): str(name) for number, name in (summary.get("classes") or {}).items()}
        except (OSError, ValueError, AttributeError):
            return {}

    @cached_property
    def several(self) -> pd.DataFrame:
        """The documents with more than one item, in order of document; the others are left out of every statistic.

        Raises:
            InputError: there is none.
        """
        several = self.documents[self.documents["n"] > 1].sort_values("document", ignore_index=True)
        if several.empty:
            raise InputError(f"No document of {self.folder} has more than one item, so nothing can be erased.")
        return several

    @cached_property
    def first_flips(self) -> dict[str, FirstFlips]:
        """First flips by ordering, in order of display; the rows are those of ``several``.

        Attention in ascending order is not among them: :meth:`flips_of` has it.

        Raises:
            InputError: attention or the random ordering is missing, or an ordering has more rows of some documents than
                of others.
        """
        return {name: self.flips_of(name) for name in self._orderings()}

    def flips_of(self, ordering: str) -> FirstFlips:
        """First flips of one ordering; the rows are those of ``several``.

        Raises:
            InputError: the ordering has more rows of some documents than of others, or none.
        """
        removed, mass = self.at_first_flip(ordering, ("removed", "mass"))
        return FirstFlips(removed, removed / self.several["n"].to_numpy()[:, None], mass)

    def at_first_flip(self, ordering: str, columns: Sequence[str]) -> list[Numbers]:
        """Columns of the table of erasures, (documents, draws) each, NaN for never; the rows are those of ``several``.

        Raises:
            InputError: the ordering has more rows of some documents than of others, or none.
        """
        rows = self._kept_erasures[self._kept_erasures["ordering"] == ordering]
        self._check_complete(ordering, rows)
        never = _by_draw(rows["removed"], len(self.several)) < 0
        return [np.where(never, np.nan, _by_draw(rows[column], len(self.several))) for column in columns]

    @cached_property
    def _kept_erasures(self) -> pd.DataFrame:
        kept = self.erasures[self.erasures["document"].isin(self.several["document"])]
        return kept.sort_values(["document", "draw"], kind="stable")

    @property
    def knows_smallest_sets(self) -> bool:
        """Whether the smallest set that flips each decision is among the results."""
        return bool((self.erasures["ordering"] == ORACLE).any())

    def _orderings(self) -> list[str]:
        """The names of the orderings that there are results of, in order of display."""
        present = [name for name in self.erasures["ordering"].astype(str).unique().tolist() if name != ASCENDING]
        for name in (ATTENTION, RANDOM):
            if name not in present:
                raise InputError(f"{self.folder / 'erasures.parquet'} has no row of ordering {name!r}.")
        known = [name for name in KNOWN_ORDERINGS if name in present]
        others = [name for name in present if name not in (*KNOWN_ORDERINGS, *REFERENCES)]
        return known + others + [name for name in REFERENCES if name in present]

    def _check_complete(self, ordering: str, rows: pd.DataFrame) -> None:
        documents = self.several["document"].to_numpy()
        draws, remainder = divmod(len(rows), len(documents))
        if remainder or not np.array_equal(rows["document"].to_numpy(), np.repeat(documents, draws)):
            path = self.folder / "erasures.parquet"
            raise InputError(f"{path}: ordering {ordering!r} has more rows of some documents than of others.")


def short_model_name(model: str) -> str:
    """A model's name as readers are shown it: of a path or an identifier of the hub only the last part.

    >>> short_model_name("hf:models/MiniLM/"), short_model_name("hf:org/bert-base"), short_model_name("flan-rnn")
    ('MiniLM', 'bert-base', 'flan-rnn')
    """
    path = model.removeprefix(HUB)
    parts = [part for part in re.split(r"[/\\]", path) if part.strip(" .")]
    return parts[-1] if path != model and parts else model


def _by_draw(column: pd.Series[Any], documents: int) -> Numbers:
    return column.to_numpy(dtype=np.float64, na_value=np.nan).reshape(documents, -1)


def _read_config(path: Path) -> dict[str, Any]:
    try:
        config: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        for keys in (
            ("settings", "dataset"),
            ("settings", "model"),
            ("settings", "seed"),
            ("data", "labels"),
            ("unit",),
        ):
            entry: Any = config
            for key in keys:
                entry = entry[key]
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from None
    except ValueError as error:
        raise InputError(f"{path} is not JSON: {error}.") from None
    except (KeyError, TypeError):
        raise InputError(f"{path} lacks the entry {'.'.join(keys)!r}.") from None
    return config


def _read_table(path: Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    try:
        with pq.ParquetFile(path) as file:
            _check_columns(path, columns or (), file.schema_arrow.names)
            table: pd.DataFrame = file.read(columns=list(columns) if columns else None).to_pandas()
            return table
    except FileNotFoundError:
        raise InputError(f"{path} cannot be read: there is no such file.") from None
    except (OSError, pa.ArrowException) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise InputError(f"{path} is not a whole Parquet file: {reason}.") from None


def _check_columns(path: Path, needed: Sequence[str], present: Sequence[str]) -> None:
    missing = [column for column in needed if column not in present]
    if missing:
        raise InputError(f"{path} has no column {missing[0]!r}.")
