"""Run the battery over a split and lay the results out as tidy tables: documents, erasures, items."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import torch

from attnprobe.base.errors import InputError
from attnprobe.data.batches import B, EncodedSplit, IntArray
from attnprobe.data.document_seeds import document_seeds
from attnprobe.erasure.battery import BatteryResult, run_battery
from attnprobe.erasure.certified_columns import Certify
from attnprobe.erasure.rationales import NOT_LOOKED_AT
from attnprobe.erasure.registered_orderings import RANK, Ordering
from attnprobe.erasure.registered_ways import ERASE_BY, RENORMALISE
from attnprobe.erasure.validation_states import ValidationStates
from attnprobe.explanations.marked_items import MarkedItems
from attnprobe.models.probe import Probe
from attnprobe.stages.certified_sample import CertifiedSample, certified_sample
from attnprobe.stages.curve_tables import CurveRows, curve_table
from attnprobe.stages.rationale_tables import RationaleRows, rationale_table

ITEM_SAMPLE = 20_000
"""Items are kept of every document of a split up to this size, and of a seeded sample of this size beyond it."""

CURVE_WORDS = 25_000
"""Whole curves are kept of as many documents as have so many words together."""

Column = npt.NDArray[Any]


class Tables(NamedTuple):
    """One row a document; a document × ordering × draw; a document × item. In order of document.

    ``curves`` has one a document × ordering × draw × number of items that are removed, where curves are kept, and
    ``target_curves`` the same of every target; ``rationales`` one a document × annotator × what is held against the
    items that are marked, where people marked any.
    """

    documents: pa.Table
    erasures: pa.Table
    items: pa.Table
    curves: pa.Table | None = None
    rationales: pa.Table | None = None
    target_curves: pa.Table | None = None

    def made(self) -> dict[str, pa.Table]:
        """Those that there are, by name."""
        return {name: table for name, table in self._asdict().items() if table is not None}


class WholeOrderings(NamedTuple):
    """What is asked of whole orderings and of any sets, and not only of the beginnings of orderings.

    Attributes:
        curves: whether curves are kept; they are where limits are asked for.
        limits: of how many of the documents with curves it is found what any ordering can reach.
        certify: of how many items all sets are asked for whether they flip decisions; 0: no sets are.
    """

    curves: bool = False
    limits: int = 0
    certify: int = 0

    def certified(self, words: npt.NDArray[np.integer], seed: int) -> CertifiedSample | None:
        """Of which documents sets are asked for; None where of none. Arguments as of :meth:`of_documents`."""
        return certified_documents(words, seed, self.certify) if self.certify else None

    def of_documents(
        self, words: npt.NDArray[np.integer], seed: int
    ) -> tuple[npt.NDArray[np.bool_] | None, npt.NDArray[np.bool_] | None]:
        """Of which documents curves are kept, and limits found (documents,) each; None where of none.

        Args:
            words: of every document of the split (documents,).
            seed: the run's.
        """
        curved = curved_documents(words, seed) if self.curves or self.limits else None
        return curved, curved_documents(words, seed, self.limits) if self.limits else None


def occurrences_of(content_hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.integer]:
    """How many earlier documents have the same text (documents,)."""
    return pd.Series(content_hashes).groupby(content_hashes).cumcount().to_numpy()


def probe_split(
    probe: Probe[B],
    encoded: EncodedSplit[B],
    seed: int,
    device: torch.device,
    orderings: Mapping[str, Ordering] | None = None,
    whole: WholeOrderings | None = None,
) -> Tables:
    """Run every test on every document of a split that is held in memory.

    Args:
        probe: the model.
        encoded: the split.
        seed: the run's seed, for the random orderings and the sample of items.
        device: where the model is.
        orderings: by name, those to erase by; by default the usual ones.
        whole: what is asked of whole orderings; by default curves, where they have a closed form.
    """
    hashes = encoded.documents.content_hashes
    seeds = document_seeds(seed, hashes, occurrences_of(hashes))
    groups = micro_batches(probe, encoded)
    sampled = sample_of_documents(len(encoded), seed)
    whole = WholeOrderings(curves=probe.has_closed_curves) if whole is None else whole
    words = encoded.documents.words_per_document
    curved, limited = whole.of_documents(words, seed)
    return probe_batches(
        probe,
        encoded,
        groups,
        seeds,
        sampled,
        device,
        orderings=orderings,
        curved=curved,
        limited=limited,
        certified=whole.certified(words, seed),
    )


def micro_batches(probe: Probe[B], encoded: EncodedSplit[B]) -> list[IntArray]:
    """Rows of the batches in which documents are read: a function of the documents and of the kind of model alone."""
    return encoded.in_order_of_length(probe.batch_documents, probe.batch_tokens)


def probe_batches(
    probe: Probe[B],
    encoded: EncodedSplit[B],
    groups: Sequence[IntArray],
    seeds: npt.NDArray[np.uint64],
    sampled: npt.NDArray[np.bool_],
    device: torch.device,
    numbers: IntArray | None = None,
    begin_batch: Callable[[], None] = lambda: None,
    orderings: Mapping[str, Ordering] | None = None,
    curved: npt.NDArray[np.bool_] | None = None,
    limited: npt.NDArray[np.bool_] | None = None,
    marked: MarkedItems | None = None,
    correlated: npt.NDArray[np.bool_] | None = None,
    certified: CertifiedSample | None = None,
    validation: ValidationStates | None = None,
) -> Tables:
    """Run every test on some batches of documents.

    Args:
        probe: the model.
        encoded: the documents.
        groups: rows of the batches; rows in none of them are left out.
        seeds: for the random orderings (documents,).
        sampled: whose items are kept (documents,).
        device: where the model is.
        numbers: ascending, of the documents in their split (documents,); by default their rows.
        begin_batch: told of each batch before it is begun.
        orderings: by name, those to erase by; by default the usual ones.
        curved: whose whole curves are kept (documents,); None where there is no table of them.
        limited: of which it is found what any ordering can reach (documents,); None where it is of none.
        marked: what people marked of the documents' items; None where there is no table of that.
        correlated: whose attention is correlated with what words do (documents,); None where it is of none.
        certified: of which it is asked what flips and what guarantees decisions; None where it is of none.
        validation: what pooled vectors are held against; None where that is not known.
    """
    collected = Collector(sampled, numbers, probe.meaning.erase_by)
    as_numbers = torch.from_numpy(seeds.view(np.int64))
    for rows, batch in zip(groups, encoded.batches(list(groups), device), strict=True):
        begin_batch()
        documents = torch.from_numpy(collected.numbers[rows].astype(np.int64)).to(device)
        of_curves, of_limits, of_correlations = rows_asked(rows, (curved, limited, correlated), device)
        certify = rows_certified(rows, certified, device)
        drawn = as_numbers[rows].to(device)
        erasures = probe.erasures(batch, drawn)
        marks = None if marked is None else marked.of_batch(rows, erasures.attention.mask)
        result = run_battery(
            erasures,
            drawn,
            documents,
            orderings,
            of_curves,
            of_limits,
            marks=marks,
            correlated=of_correlations,
            validation=validation,
            certify=certify,
        )
        collected.add(rows, result)
    chosen = np.zeros(len(encoded), dtype=bool)
    chosen[np.concatenate(list(groups))] = True
    tables = collected.tables(encoded.documents.labels, *probe.item_texts(encoded, sampled & chosen))
    further = {} if curved is None else {"curves": curve_table(collected.curves)}
    if curved is not None and probe.meaning.targets:
        further["target_curves"] = curve_table(collected.target_curves)
    further |= {} if marked is None else {"rationales": rationale_table(collected.rationales)}
    return tables._replace(**further)


def rows_asked(
    rows: IntArray, chosen: Sequence[npt.NDArray[np.bool_] | None], device: torch.device
) -> list[torch.Tensor | None]:
    """Which rows of a batch, that holds these documents, are chosen; None where nothing is."""
    return [None if each is None else torch.from_numpy(np.flatnonzero(each[rows])).to(device) for each in chosen]


def rows_certified(rows: IntArray, certified: CertifiedSample | None, device: torch.device) -> Certify | None:
    """Which rows of a batch, that holds these documents, are certified, and how far."""
    if certified is None:
        return None
    (documents,) = rows_asked(rows, [certified.documents], device)
    assert documents is not None, "as it is not of certified.documents"
    return Certify(documents, certified.largest)


def sample_of_documents(documents: int, seed: int) -> npt.NDArray[np.bool_]:
    """Which documents' items are kept: all, or a seeded sample of ``ITEM_SAMPLE``."""
    chosen = np.ones(documents, dtype=bool)
    if documents > ITEM_SAMPLE:
        chosen[_in_order_of_draw(documents, seed)[ITEM_SAMPLE:]] = False
    return chosen


def curved_documents(words: npt.NDArray[np.integer], seed: int, most: int | None = None) -> npt.NDArray[np.bool_]:
    """Of which documents whole curves are kept (documents,): of those of the sample of items that are drawn first.

    As many as have ``CURVE_WORDS`` words together: curves of long documents are long.

    Args:
        words: of every document of the split (documents,).
        seed: the run's.
        most: how many of these, the first of them, are wanted.
    """
    drawn = _in_order_of_draw(len(words), seed)[:ITEM_SAMPLE]
    chosen = np.zeros(len(words), dtype=bool)
    chosen[drawn[np.cumsum(words[drawn], dtype=np.int64) <= CURVE_WORDS][:most]] = True
    return chosen


def certified_documents(words: npt.NDArray[np.integer], seed: int, largest: int) -> CertifiedSample:
    """Of which documents, whose items are kept, it is asked what flips them and what guarantees them.

    Args:
        words: of every document of the split (documents,).
        seed: the run's.
        largest: of how many items all sets are asked for in long documents.
    """
    return certified_sample(words, _in_order_of_draw(len(words), seed)[:ITEM_SAMPLE], largest)


def correlated_documents(documents: int, seed: int, most: int) -> npt.NDArray[np.bool_]:
    """Of which documents attention is correlated with what words do (documents,): of those that are drawn first."""
    chosen = np.zeros(documents, dtype=bool)
    chosen[_in_order_of_draw(documents, seed)[:most]] = True
    return chosen


def _in_order_of_draw(documents: int, seed: int) -> IntArray:
    """All documents, in the order in which samples take them."""
    return np.random.default_rng(seed).permutation(documents)


def check_same_orderings(before: Collection[tuple[str, str, int]], here: Collection[tuple[str, str, int]]) -> None:
    """Raise an InputError where some documents have a way, ordering and draw that others have not."""
    for _, name, _ in sorted(set(before) ^ set(here))[:1]:
        raise InputError(
            f"The ordering {name} fits some documents and not others, or has more draws of some: what it fits, it has "
            "to fit in the whole split."
        )


def check_same_measurements(before: Collection[str], here: Collection[str]) -> None:
    """Raise an InputError where some documents have a column of another package's measurement that others have not."""
    for name in sorted(set(before) ^ set(here))[:1]:
        raise InputError(
            f"The measurement of the column {name} fits some documents and not others: what it fits, it has to fit in "
            "the whole split."
        )


class Collector:
    """Gathers batches in the order in which they ran and puts the rows into document order at the end.

    Args:
        sampled: whose items are kept (documents,).
        numbers: ascending, of the documents in their split (documents,); by default their rows.
        erase_by: the name of the way of erasing that is meant first.
    """

    def __init__(
        self, sampled: npt.NDArray[np.bool_], numbers: IntArray | None = None, erase_by: str = RENORMALISE
    ) -> None:
        self.sampled = sampled
        self.erase_by = erase_by
        self.numbers = np.arange(len(sampled)) if numbers is None else numbers
        self.rows: list[Column] = []
        self.documents: list[dict[str, Column]] = []
        self.erasures: list[dict[_Key, dict[str, Column]]] = []
        self.items: list[dict[str, Column]] = []
        self.curves: list[CurveRows] = []
        self.target_curves: list[CurveRows] = []
        self.rationales: list[RationaleRows] = []

    def add(self, rows: npt.NDArray[np.integer], result: BatteryResult) -> None:
        """Take in what the tests gave for the documents of these rows.

        Raises:
            InputError: an ordering or a measurement fits these and not those before, or the other way round.
        """
        by_way = {self.erase_by: result.erasures, **result.otherwise}
        erasures = {_Key(way, *key): columns for way, table in by_way.items() for key, columns in table.items()}
        if self.erasures:
            check_same_orderings(self.erasures[0], erasures)
            check_same_measurements(self.documents[0], result.documents)
        self.rows.append(rows)
        self.documents.append({name: column.cpu().numpy() for name, column in result.documents.items()})
        self.erasures.append(
            {key: {name: column.cpu().numpy() for name, column in columns.items()} for key, columns in erasures.items()}
        )
        kept = result.mask & torch.from_numpy(self.sampled[rows]).to(result.mask.device)[:, None]
        items = {name: table[kept].cpu().numpy() for name, table in result.items.items()}
        if result.contributions is not None:
            by_item = result.contributions.transpose(1, 2)[kept].float().cpu().numpy()
            items |= {f"contribution_{c}": by_item[:, c] for c in range(by_item.shape[1])}
        row, position = torch.nonzero(kept, as_tuple=True)
        items["document"] = self.numbers[rows[row.cpu().numpy()]]
        items["position"] = position.cpu().numpy().astype(np.int32)
        self.items.append(items)
        curves = CurveRows.of(result, self.numbers[rows])
        self.curves += [] if curves is None else [curves]
        self.target_curves += CurveRows.of_targets(result, self.numbers[rows])
        self.rationales += RationaleRows.of(result, self.numbers[rows])

    def tables(self, labels: Column | None, token: pa.Array, before: pa.Array | None = None) -> Tables:
        """All rows that were added.

        Args:
            labels: class numbers (documents,), where there are any.
            token: texts of the items that are kept, in order.
            before: of each the text between it and the item before it, where that is known.
        """
        rows = np.concatenate(self.rows)
        order = np.argsort(rows)
        return Tables(
            self._document_table(None if labels is None else labels[rows[order]], self.numbers[rows[order]], order),
            self._erasure_table(self.numbers[rows], order),
            self._item_table(token, before),
        )

    def _document_table(self, labels: Column | None, numbers: Column, order: Column) -> pa.Table:
        columns = {name: joined[order] for name, joined in _join(self.documents).items()}
        first = {"document": numbers} | ({} if labels is None else {"label": labels})
        return pa.table({name: _arrow(column) for name, column in (first | columns).items()})

    def _erasure_table(self, numbers: Column, order: Column) -> pa.Table:
        sizes = _join(self.documents)["n"]
        keys = list(self.erasures[0])
        parts = {key: _join([batch[key] for batch in self.erasures]) for key in keys}

        def repeated(names: list[str]) -> pa.Array:
            every = np.tile(np.arange(len(keys), dtype=np.int16), len(numbers))
            return pa.DictionaryArray.from_arrays(every, pa.array(names)).cast(pa.string()).dictionary_encode()

        def interleaved(column: str) -> pa.Array:
            # What is measured of the first way alone is null of others.
            nothing = np.zeros_like(parts[keys[0]][column])
            values = np.stack([parts[key].get(column, nothing)[order] for key in keys], axis=1).reshape(-1)
            return _arrow(values, np.tile([column not in parts[key] for key in keys], len(numbers)))

        key_columns: dict[str, Any] = {
            "document": np.repeat(numbers[order], len(keys)),
            "ordering": repeated([key.ordering for key in keys]),
            "draw": np.tile(np.array([key.draw for key in keys], dtype=np.int8), len(numbers)),
            "n": np.repeat(sizes[order], len(keys)),
        }
        if any(key.erase_by != self.erase_by for key in keys):
            key_columns[ERASE_BY] = repeated([key.erase_by for key in keys])
        return pa.table(key_columns | {column: interleaved(column) for column in parts[keys[0]]})

    def _item_table(self, token: pa.Array, before: pa.Array | None) -> pa.Table:
        columns = _join(self.items)
        order = np.lexsort((columns["position"], columns["document"]))
        columns = {name: column[order] for name, column in columns.items()}
        table = {"document": columns.pop("document"), "position": columns.pop("position")}
        table |= {"token": token} | ({} if before is None else {"before": before})
        ranks = {name: _arrow_ranks(columns.pop(name)) for name in list(columns) if name.startswith(RANK)}
        marked = [name for name, column in columns.items() if column.dtype == np.int8]
        marks = {name: _arrow_marks(columns.pop(name)) for name in marked}
        return pa.table(table | {name: _arrow(column) for name, column in columns.items()} | ranks | marks)


def _join(batches: list[dict[str, Column]]) -> dict[str, Column]:
    return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}


class _Key(NamedTuple):
    """What rows of the table of erasures are told apart by, of a document."""

    erase_by: str
    ordering: str
    draw: int


def _arrow(column: Column, missing: npt.NDArray[np.bool_] | None = None) -> pa.Array:
    """An Arrow array in which NaN is null: there is no such number, rather than one that could not be computed."""
    if column.dtype.kind == "f":
        missing = np.isnan(column) if missing is None else missing | np.isnan(column)
    return pa.array(column, mask=missing)


def _arrow_ranks(column: Column) -> pa.Array:
    """Places in an ordering; −1 is null: the item has none."""
    return pa.array(column, pa.int32(), mask=column < 0)


def _arrow_marks(column: Column) -> pa.Array:
    """Whether items are marked; null in documents that were not looked at."""
    return pa.array(column == 1, mask=column == NOT_LOOKED_AT)
