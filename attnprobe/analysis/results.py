"""A run's results, read from its folder: the configuration and the tables of documents, erasures and items."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from attnprobe.analysis.bootstrap import Numbers
from attnprobe.analysis.emptied_alone import while_something_is_left
from attnprobe.analysis.statistics_sample import sample_of_statistics
from attnprobe.base.bounds import MOST_DOCUMENTS, MOST_JSON_BYTES, MOST_ORDERINGS
from attnprobe.base.errors import InputError
from attnprobe.base.plain_files import read_text
from attnprobe.base.run_layout import check_run_folder, is_view
from attnprobe.base.visible import visible
from attnprobe.erasure.curve_names import OF_LABEL
from attnprobe.erasure.registered_orderings import ATTENTION as ATTENTION
from attnprobe.erasure.registered_orderings import PAPER, Role, is_smallest, smallest_among
from attnprobe.erasure.registered_orderings import RANDOM as RANDOM
from attnprobe.erasure.registered_ways import ERASE_BY, RENORMALISE
from attnprobe.explanations.names import is_twin
from attnprobe.runs.configuration_entries import model_of, read_configuration
from attnprobe.runs.meaning_records import EntryRecord, RecordedMeaning, recorded_meaning, recorded_ways
from attnprobe.runs.measurement_records import MeasurementRecord, column_name, recorded_measurements
from attnprobe.runs.ordering_records import OrderingRecord, record_of, recorded_orderings
from attnprobe.runs.read_columns import (
    CURVE_COLUMNS,
    EFFECT_COLUMNS,
    HEAD_COLUMNS,
    ITEMS_BY_WAY,
    NEEDED,
    OF_FIRST_WAY,
    RATIONALE_COLUMNS,
    columns_of_way,
    erasure_columns,
)
from attnprobe.runs.selection_records import SelectedLayer, recorded_selection
from attnprobe.runs.sink_records import SINKS, MeasuredSink
from attnprobe.runs.table_checks import Rows
from attnprobe.runs.tables import (
    DocumentNumbers,
    check_columns,
    columns_of_table,
    read_table,
    rows_of_table,
    table_parts,
)
from attnprobe.settings.checkpoint_names import short_model_name
from attnprobe.settings.own_explanations import OUT, ExplanationSettings

NO_SMALLEST_SET = "no exact smallest set is known for this readout"
"""What is said where it would be shown, and is not among the results."""


def no_smallest_set(told: Mapping[str, Any]) -> str:
    """The same of a run, by its configuration or summary: it need not be for the readout that none is known."""
    return NO_SMALLEST_SET if recorded_meaning(told).is_default else "no exact smallest set is known here"


Flags = npt.NDArray[np.bool_]


class FirstFlips(NamedTuple):
    """Where one ordering first flips the decisions: (documents, draws) each, of the documents with n > 1.

    A document has one of three outcomes: the decision flips while something is left; it changes only when nothing is
    left, which is ``emptied`` and no flip; or it never changes. The numbers are NaN but for the first.

    Attributes:
        removed: how many items are erased by then.
        fraction: ``removed`` / n.
        mass: how much attention weight is erased by then.
        emptied: True where the decision changes only when nothing is left.
        stand_ins: how many vectors stand in for what is erased, one after another over the draws of every ordering.
    """

    removed: Numbers
    fraction: Numbers
    mass: Numbers
    emptied: Flags
    stand_ins: int = 1

    @property
    def never(self) -> Flags:
        """True where the decision never changes, not even when nothing is left (documents, draws)."""
        return np.isnan(self.removed) & ~self.emptied


@dataclass(frozen=True, eq=False)
class RunResults:
    """What the tests of one run gave; its tables are read when they are first looked at.

    Attributes:
        folder: the run's folder.
        config: what is in config.json.
        total: how many documents the run has results of.
        quarantined: how many more the model could not read, which are in no table.
        chosen: the documents that are looked at, or None for all of them.
        released: whether first flips are counted as the code of 2019 did; see :meth:`as_released`.
        way: the way of erasing that results are of; the run's first unless :meth:`under` says otherwise.
        held: the tables that are in memory, the same for both ways of counting.
    """

    folder: Path
    config: dict[str, Any]
    total: int
    quarantined: int
    chosen: DocumentNumbers | None
    released: bool = False
    way: str = RENORMALISE
    held: dict[str, pd.DataFrame] = field(default_factory=dict, repr=False)

    @classmethod
    def load(cls, folder: Path | str) -> Self:
        """Open a run folder; of very many documents those of ``sample_of_statistics`` are looked at.

        Raises:
            InputError: a file is missing, a link or cannot be read, or a table lacks a column.
        """
        folder = Path(folder)
        check_run_folder(folder)
        config = read_configuration(folder / "config.json")
        way = next(iter(recorded_ways(config)))
        for name, columns in NEEDED.items():
            path = folder / f"{name}.parquet"
            check_columns(path, columns, columns_of_table(path))
        total, quarantined = rows_of_table(folder / "documents.parquet"), _quarantined(folder / "summary.json")
        split = (config["data"].get("documents") or {}).get("test", total + quarantined)
        chosen = sample_of_statistics(total, split, config["settings"]["seed"])
        return cls(folder, config, total, quarantined, chosen, way=way)

    def only(self, documents: Iterable[int]) -> Self:
        """The results of these documents, sampled or not; numbers that the run does not have are passed over."""
        return dataclasses.replace(self, chosen=_numbers(documents), held={})

    def as_released(self) -> Self:
        """The same results by the convention of the code of Serrano & Smith (2019).

        A decision that changes only when nothing is left, and the readout's bias alone decides, is a first flip there.
        """
        return dataclasses.replace(self, released=True)

    @cached_property
    def ways(self) -> dict[str, EntryRecord]:
        """By name what the run says of the ways of erasing that it has results of, the first of which it is of."""
        recorded = recorded_ways(self.config)
        told = ERASE_BY in columns_of_table(self.folder / "erasures.parquet")
        return recorded if told else dict(list(recorded.items())[:1])

    def under(self, way: str) -> Self:
        """The same results by another of the run's :attr:`ways` of erasing.

        Tables are those that a run of this way alone would have, but for what is measured of a run's first way alone
        (curves, limits, rationales, guarantees, places among random orders), which they are without. Whether something
        flips is a share where several vectors stand in.

        Raises:
            InputError: the run has no results of it.
        """
        if way not in self.ways:
            raise InputError(
                f"{self.folder} has no results of the way of erasing {way!r}, but of {', '.join(self.ways)}."
            )
        if way == self.way:
            return self
        known = {"sizes": self._sizes} if "documents" in self.held else {}
        return dataclasses.replace(self, way=way, held=known)

    @property
    def _is_first(self) -> bool:
        return self.way == next(iter(self.ways))

    def unread(self) -> Self:
        """The same results, of which nothing is held in memory yet."""
        return dataclasses.replace(self, held={})

    def _read(self, path: Path, columns: Sequence[str], documents: DocumentNumbers | None) -> pd.DataFrame:
        return read_table(path, columns, documents, distributions=self.meaning.is_distribution)

    def _held(self, name: str, read: Callable[[], pd.DataFrame]) -> pd.DataFrame:
        if name not in self.held:
            self.held[name] = read()
        return self.held[name]

    @property
    def documents(self) -> pd.DataFrame:
        """One row a document that is looked at, in order, with the columns that are.

        Raises:
            InputError: as :meth:`load`, or a class is none of the dataset's, where the model has no classes of its own.
        """
        return self._held("documents", self._read_documents)

    def _read_documents(self) -> pd.DataFrame:
        path = self.folder / "documents.parquet"
        columns = columns_of_way(columns_of_table(path), self.way, list(self.ways))
        documents = self._read(path, list(columns), self.chosen).rename(columns=columns)
        for column in () if self._has_own_classes else ("label", "decision"):
            for row in np.flatnonzero(documents[column] >= len(self.labels))[:1]:
                number, found = documents["document"].iloc[row], documents[column].iloc[row]
                raise InputError(
                    f"{path}, document {number}: the column {column!r} holds {found}, but "
                    f"{self.folder / 'config.json'} names {len(self.labels)} classes."
                )
        return documents

    @property
    def _sizes(self) -> pd.DataFrame:
        """How many items each document has that is looked at, under whichever way of erasing."""
        return self._held("sizes", lambda: self.documents[["document", "n"]])

    @property
    def erasures(self) -> pd.DataFrame:
        """One row a document × ordering × draw, with the columns that are looked at.

        Raises:
            InputError: as :meth:`load`, or a document has another number of items than in the table of documents, or
                there are more orderings than a run can have.
        """
        return self._held("erasures", self._read_erasures)

    def _read_erasures(self) -> pd.DataFrame:
        path = self.folder / "erasures.parquet"
        only = (ERASE_BY, self.way) if len(self.ways) > 1 else None
        columns = erasure_columns(columns_of_table(path))
        columns = columns if self._is_first else [name for name in columns if name not in OF_FIRST_WAY]
        erasures = read_table(path, columns, self.chosen, only)
        if len(names := erasures["ordering"].unique()) > MOST_ORDERINGS:
            raise InputError(f"{path} has rows of {len(names):,} orderings; a run has {MOST_ORDERINGS} at most.")
        self._check_sizes(path, erasures["document"].to_numpy(), erasures["n"].to_numpy())
        return erasures

    def _check_sizes(self, path: Path, documents: DocumentNumbers, sizes: npt.NDArray[np.integer]) -> None:
        """Raise an InputError where a table has other numbers of items (rows,) than the table of documents has."""
        rows = pd.Index(self._sizes["document"]).get_indexer(pd.Index(documents))
        expected = self._sizes["n"].to_numpy()[rows]
        for row in np.flatnonzero((rows >= 0) & (sizes != expected))[:1]:
            raise InputError(
                f"{path}, document {documents[row]}: it has {sizes[row]:,} items, and "
                f"{self.folder / 'documents.parquet'} says {expected[row]:,}."
            )

    @property
    def is_sample(self) -> bool:
        """Whether the documents that are looked at are not all that the run has."""
        return len(self.documents) < self.total

    def items(self, columns: Sequence[str], documents: Iterable[int] | None = None) -> pd.DataFrame:
        """These columns of the table of items, one row a document × item; of a sample of a large split's documents.

        Args:
            columns: which.
            documents: of these only.

        Raises:
            InputError: the file is missing or cannot be read, or lacks a column; or, where positions are among the
                columns, a document has not as many items as it should.
        """
        path = self.folder / "items.parquet"
        renamed = self._of_way(columns)
        chosen = None if documents is None else _numbers(documents)
        items = self._read(path, list(renamed), chosen).rename(columns=renamed)
        if "position" in items and "document" in items:
            self._check_sizes(path, *counted(items["document"].to_numpy()))
        return items

    @property
    def with_items_kept(self) -> DocumentNumbers:
        """The numbers, ascending, of the documents in the table of items; raises as :meth:`items`."""
        kept = self._held("items", lambda: self.items(["document"]).drop_duplicates(ignore_index=True))
        return kept["document"].to_numpy()

    def item_parts(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The same in parts that are read one after another, at least one; raises as :meth:`items`."""
        renamed = self._of_way(columns)
        for part in table_parts(
            self.folder / "items.parquet", list(renamed), distributions=self.meaning.is_distribution
        ):
            yield part.rename_columns(list(renamed.values()))

    def _of_way(self, columns: Sequence[str]) -> dict[str, str]:
        """Columns of the table of items as they are called there, and what they are called in a run of one way."""
        by_way = () if self._is_first else ITEMS_BY_WAY
        return {f"{name}_{self.way}" if name in by_way else name: name for name in columns}

    def curves(self) -> pd.DataFrame | None:
        """The table of whole curves, one row a document × ordering × draw × number of removed items; None without one.

        Raises:
            InputError: the file cannot be read, or lacks a column.
        """
        path = self.folder / "curves.parquet"
        return self._read(path, CURVE_COLUMNS, self.chosen) if self._is_first and path.exists() else None

    def rationales(self) -> pd.DataFrame | None:
        """The table of what is held against people's rationales, or None without one.

        One row a document × annotator × what is held against the items that are marked.

        Raises:
            InputError: the file cannot be read, or lacks a column.
        """
        path = self.folder / "rationales.parquet"
        return read_table(path, RATIONALE_COLUMNS, self.chosen) if self._is_first and path.exists() else None

    def heads(self) -> pd.DataFrame | None:
        """The table of single attention heads, one row a document × head; None where the run has none.

        Raises:
            InputError: the file cannot be read, or lacks a column.
        """
        path = self.folder / "heads.parquet"
        return read_table(path, HEAD_COLUMNS) if path.exists() else None

    def head_effects(self) -> pd.DataFrame | None:
        """The table of what single attention heads do, one row a document × head; None where the run has none.

        Raises:
            InputError: the file cannot be read, or lacks a column.
        """
        path = self.folder / "head_effects.parquet"
        return read_table(path, EFFECT_COLUMNS) if path.exists() else None

    def _repr_html_(self) -> str:
        from attnprobe.reports.page.notebook import frame_of_run  # drawn only where a notebook asks for it

        return frame_of_run(self)

    @property
    def dataset(self) -> str:
        """The name of the dataset."""
        return str(self.config["settings"]["dataset"])

    @cached_property
    def model(self) -> str:
        """What tells the model from others, as ``model_of`` has it."""
        return model_of(self.config, self.folder / "config.json")

    @property
    def seed(self) -> int:
        """The seed of the run."""
        return int(self.config["settings"]["seed"])

    @property
    def name(self) -> str:
        """What readers know this run by, legible: dataset · model · seed, and the view that it is."""
        view = f" · {self.folder.name.replace('-', ' ')}" if is_view(self.folder) else ""
        return visible(f"{self.dataset} · {self.short_model} · seed {self.seed}{view}")

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
    def meaning(self) -> RecordedMeaning:
        """What the run says of its way of erasing and its decision."""
        return recorded_meaning(self.config)

    @property
    def selection(self) -> list[SelectedLayer]:
        """The layers, heads and rows that were erased in; none of models whose attention pools, and of older runs."""
        return recorded_selection(self._told)

    @property
    def label_texts(self) -> list[str]:
        """The texts, legible, that a language model's label words were taken as; none where there are no such words."""
        told = self._told.get("label_texts")
        return [visible(str(text)) for text in told] if isinstance(told, list) else []

    @property
    def decided_at(self) -> str | None:
        """At which token of each text the model decides, as the setting says it; None where it decides of texts."""
        at = (self.config["settings"].get("attention") or {}).get("at")
        return None if at is None else str(at)

    @property
    def targets(self) -> list[str]:
        """The names, legible, of what is followed beside the decision."""
        told = self._told.get("targets")
        names = [each.get("name") for each in told if isinstance(each, dict)] if isinstance(told, list) else []
        return [visible(str(name)) for name in names]

    @property
    def has_special_items(self) -> bool:
        """Whether special tokens are items, as far as the run says."""
        told = self._told.get("special_tokens")
        return not (isinstance(told, dict) and told.get("items") is False)

    @property
    def measured_sink(self) -> MeasuredSink | None:
        """What training documents say of the first item, where a sink of attention is to be left out."""
        settings = self.config["settings"].get(ExplanationSettings.section)
        asked = isinstance(settings, dict) and settings.get("sinks") == OUT
        return MeasuredSink.of(self._told.get(SINKS)) if asked else None

    @property
    def labels(self) -> list[str]:
        """The names of the dataset's classes."""
        return [str(label) for label in self.config["data"]["labels"]]

    def class_name(self, number: int) -> str:
        """The name, legible, of a class that the model decides for: the dataset's, or its own where it has others."""
        return visible(self._name_of_class(number))

    def _name_of_class(self, number: int) -> str:
        own = self._own_classes.get(str(number))
        if own is not None:
            return own
        return self.labels[number] if not self._own_classes and number < len(self.labels) else str(number)

    @property
    def _has_own_classes(self) -> bool:
        """Whether the model may decide for classes that are not the dataset's: it was not trained on them."""
        return bool(self._own_classes) or self.config["settings"].get("training", {}) is None

    @cached_property
    def _own_classes(self) -> dict[str, str]:
        try:
            return {str(number): str(name) for number, name in (self._told.get("classes") or {}).items()}
        except AttributeError:
            return {}

    @cached_property
    def decided_labels(self) -> list[str]:
        """The names, legible, of the labels of which each is decided by itself; none where one thing is decided."""
        columns = sum(str(name).startswith(OF_LABEL) for name in self.erasures)
        told = self._told.get("decided_labels")
        names = told if isinstance(told, list) and len(told) == columns else list(range(columns))
        return [visible(str(name)) for name in names]

    @cached_property
    def _told(self) -> dict[str, Any]:
        try:
            summary = json.loads(read_text(self.folder / "summary.json", MOST_JSON_BYTES))
            return summary if isinstance(summary, dict) else {}
        except (OSError, ValueError, RecursionError):
            return {}

    @cached_property
    def several(self) -> pd.DataFrame:
        """The documents with more than one item, in order of document; the others are left out of every statistic.

        Flips by one item alone are, as those of orderings, flips while something is left; as released, all changes are.

        Raises:
            InputError: there is none.
        """
        several = self._with_several_items(self.documents)
        if self.released or not self.knows_emptied:  # of several items one is not all, as far as an older run says
            return several
        rows = self.erasures
        of_attention = rows[rows["ordering"] == ATTENTION]
        emptied = (of_attention["removed"] == 1) & (of_attention["emptied"] == 1)
        # Over draws, where several vectors stand in.
        by_one = emptied.groupby(of_attention["document"].to_numpy()).mean().astype(float)
        return while_something_is_left(several, by_one.reindex(several["document"], fill_value=0.0).to_numpy())

    def _with_several_items(self, documents: pd.DataFrame) -> pd.DataFrame:
        several = documents[documents["n"] > 1].sort_values("document", ignore_index=True)
        if several.empty:
            raise InputError(f"No document of {self.folder} has more than one item, so nothing can be erased.")
        return several

    @cached_property
    def _sizes_of_several(self) -> tuple[DocumentNumbers, npt.NDArray[np.integer]]:
        """The numbers of the documents of ``several``, and how many items each has."""
        several = self._with_several_items(self._sizes)
        return several["document"].to_numpy(), several["n"].to_numpy()

    @cached_property
    def first_flips(self) -> dict[str, FirstFlips]:
        """First flips by ordering, in order of display; the rows are those of ``several``.

        Controls are not among them: :meth:`flips_of` has them.

        Raises:
            InputError: attention or the random ordering is missing, or an ordering has more rows of some documents than
                of others.
        """
        return {name: self.flips_of(name) for name in self._orderings()}

    def with_twins(self) -> dict[str, FirstFlips]:
        """The same, and behind them the permuted twins of explanations that somebody brought; raises as these."""
        twins = [name for name in self.of_role(Role.CONTROL) if is_twin(name, self.first_flips)]
        return self.first_flips | {name: self.flips_of(name) for name in twins}

    def flips_of(self, ordering: str) -> FirstFlips:
        """First flips of one ordering; the rows are those of ``several``.

        Raises:
            InputError: the ordering has more rows of some documents than of others, or none.
        """
        rows = self._erasures_in(ordering)
        removed, mass = self._where_flipped(rows, ("removed", "mass"))
        fraction = removed / self._sizes_of_several[1][:, None]
        return FirstFlips(removed, fraction, mass, self._emptied(rows), self._stand_ins)

    @cached_property
    def _stand_ins(self) -> int:
        """How many there are: the draws of an ordering without chance in it."""
        of_attention = self.erasures.loc[self.erasures["ordering"] == ATTENTION, "draw"]
        return 1 if self._is_first or of_attention.empty else int(of_attention.max()) + 1

    def of_ordering(self, ordering: str, column: str) -> Numbers:
        """A column of the table of erasures (documents, draws), NaN where it is null; rows are those of ``several``.

        Raises:
            InputError: the ordering has more rows of some documents than of others, or none.
        """
        return self._by_draw(self._erasures_in(ordering), column)

    def at_first_flip(self, ordering: str, column: str) -> Numbers:
        """A column of the table of erasures (documents, draws), NaN where nothing flips; rows are those of ``several``.

        Raises:
            InputError: the ordering has more rows of some documents than of others, or none.
        """
        return self._where_flipped(self._erasures_in(ordering), (column,))[0]

    def of_erasures(self, ordering: str, column: str) -> Numbers:
        """A column of the table of erasures (documents, draws), whatever flips; rows are those of ``several``.

        Raises:
            InputError: the ordering has more rows of some documents than of others, or none.
        """
        return self._by_draw(self._erasures_in(ordering), column)

    def _erasures_in(self, ordering: str) -> Rows:
        """The rows of one ordering in the table of erasures, by document of ``several`` and draw."""
        erasures, (several, _) = self.erasures, self._sizes_of_several
        rows = np.flatnonzero(erasures["ordering"] == ordering)
        rows = rows[np.isin(erasures["document"].to_numpy()[rows], several)]
        documents, draws = (erasures[name].to_numpy()[rows] for name in ("document", "draw"))
        order = np.lexsort((draws, documents))
        self._check_complete(ordering, documents[order], draws[order])
        return rows[order]

    def _by_draw(self, rows: Rows, column: str) -> Numbers:
        """A column of these rows of the table of erasures, by document of ``several`` and draw."""
        found = self.erasures[column].iloc[rows].to_numpy(dtype=np.float64, na_value=np.nan)
        return found.reshape(len(self._sizes_of_several[0]), -1)

    def _where_flipped(self, rows: Rows, columns: Sequence[str]) -> list[Numbers]:
        none = (self._by_draw(rows, "removed") < 0) | self._emptied(rows)
        return [np.where(none, np.nan, self._by_draw(rows, column)) for column in columns]

    def _emptied(self, rows: Rows) -> Flags:
        removed = self._by_draw(rows, "removed")
        if self.released:
            return np.zeros(removed.shape, dtype=bool)
        if self.knows_emptied:
            return np.asarray(self._by_draw(rows, "emptied") == 1)
        return np.asarray(removed == self._sizes_of_several[1][:, None])

    @property
    def knows_emptied(self) -> bool:
        """Whether the run says where nothing was left; of an older one only where every item was erased is known."""
        return "emptied" in self.erasures

    @property
    def knows_smallest_sets(self) -> bool:
        """Whether the smallest set that flips each decision is among the results."""
        return self.smallest_sets is not None

    @property
    def smallest_sets(self) -> str | None:
        """The ordering whose first items are the smallest set that flips the decision; None where there is none."""
        return smallest_among(self.records)

    @cached_property
    def records(self) -> dict[str, OrderingRecord]:
        """What the run says of each ordering that it has results of, in the order of the table of erasures."""
        recorded = recorded_orderings(self.config)
        return {name: record_of(recorded, name) for name in self.erasures["ordering"].unique().tolist()}

    @cached_property
    def measurements(self) -> dict[str, MeasurementRecord]:
        """What the run says of each measurement of another package whose columns it has."""
        return {
            name: record
            for name, record in recorded_measurements(self.config).items()
            if all(column_name(name, column) in self.documents for column in record.columns)
        }

    def of_role(self, *roles: Role) -> list[str]:
        """The names of the orderings with one of these roles that there are results of."""
        return [name for name, record in self.records.items() if record.role in roles]

    def title(self, ordering: str) -> str:
        """What readers are shown for an ordering."""
        return record_of(self.records, ordering).title

    def _orderings(self) -> list[str]:
        """The names of the orderings that there are results of, in order of display."""
        present = [name for name in self.records if name not in self.of_role(Role.CONTROL)]
        for name in (ATTENTION, RANDOM):
            if name not in present:
                raise InputError(f"{self.folder / 'erasures.parquet'} has no row of ordering {name!r}.")
        known, references = [name for name in PAPER if name in present], self.of_role(Role.REFERENCE)
        others = [name for name in present if name not in (*known, *references)]
        # The smallest set is the last: nothing is earlier.
        return known + others + sorted(references, key=is_smallest)

    def _check_complete(self, ordering: str, of_rows: npt.NDArray[np.integer], draws: npt.NDArray[np.integer]) -> None:
        """Raise an InputError where rows (rows,) are not those of each document of ``several`` × each draw."""
        path, documents = self.folder / "erasures.parquet", self._sizes_of_several[0]
        counts = np.bincount(np.searchsorted(documents, of_rows), minlength=len(documents))
        most = int(np.bincount(counts).argmax())
        for row in np.flatnonzero(counts != most)[:1]:
            raise InputError(
                f"{path}: ordering {ordering!r} has more rows of some documents than of others: {counts[row]:,} of "
                f"document {documents[row]} and {most:,} of most."
            )
        by_document = draws.reshape(len(documents), most)
        for row in np.flatnonzero((by_document != np.arange(most)).any(axis=1))[:1]:
            found = ", ".join(map(str, by_document[row].tolist()))
            raise InputError(f"{path}, document {documents[row]}: ordering {ordering!r} has the draws {found}.")


def counted(documents: DocumentNumbers) -> tuple[DocumentNumbers, DocumentNumbers]:
    """Each number and how often it is there, of numbers that are in ascending order."""
    first = np.flatnonzero(np.diff(documents, prepend=-1))
    return documents[first], np.diff(first, append=len(documents))


def _numbers(documents: Iterable[int]) -> DocumentNumbers:
    return np.unique(np.fromiter(documents, dtype=np.int64))


def _quarantined(summary: Path) -> int:
    """How many documents a run's summary says were left out; none where there is no summary."""
    try:
        entry = json.loads(read_text(summary, MOST_JSON_BYTES)).get("quarantined")
        count = 0 if entry is None else entry["documents"]
        if type(count) is not int or not 0 <= count <= MOST_DOCUMENTS:
            raise ValueError
        return count
    except FileNotFoundError:
        return 0
    except (OSError, ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        raise InputError(f"{summary} is not a run's summary: it cannot be read, or its entry 'quarantined'.") from None
