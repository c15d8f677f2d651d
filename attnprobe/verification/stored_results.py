"""What a run's tables say of some documents."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from attnprobe.base.errors import InputError
from attnprobe.erasure.certified_names import (
    ENUMERATED,
    FLIP_BOUND,
    FLIP_SMALLEST,
    FLIPPING_ITEM,
    SUFFICIENT,
    SUFFICIENT_ITEM,
)
from attnprobe.erasure.correlation_names import CORRELATIONS
from attnprobe.erasure.curve_names import LIMIT, LIMIT_COLUMNS, LIMIT_ENDS, OF_TARGET, RANDOM_COLUMNS, SCORES
from attnprobe.erasure.rationale_names import RATIONALE
from attnprobe.erasure.registered_orderings import RANK
from attnprobe.erasure.registered_ways import ERASE_BY
from attnprobe.runs.configuration_entries import read_configuration
from attnprobe.runs.meaning_records import recorded_ways
from attnprobe.runs.run_folder import CURVES, RATIONALE_ROWS, TARGET_CURVES, RunFolder
from attnprobe.verification.row_batches import columns_of, rows_of_documents

_DOCUMENTS = ("n", "decision", "p_decision")
_ERASURES = ("ordering", "draw", "removed", "mass")
_CURVES = ("target", "ordering", "draw", "probability", "log_probability", "logit", "kept_probability", "kept_logit")
_ITEMS = ("weight", "gradient", "js", "flips")
_SCORES_WITHOUT = ("probability", "logit")

_ASKED = (FLIP_BOUND, FLIP_SMALLEST, *SUFFICIENT)
BY_WAY = ("js", "flips")
"""Columns of items that each further way of erasing has once more, its name behind them."""
_HELD = ("annotator", "kind", "name", "draw")
_HELD_NUMBERS = ("marked", "auprc", "token_f1", "iou_f1", "comprehensiveness", "at_most")

Column = npt.NDArray[Any]


class HeldKey(NamedTuple):
    """Whose items, and what is held against them: its kind, its name and its draw."""

    annotator: str
    kind: str
    name: str
    draw: int


class StoredFlip(NamedTuple):
    """Of an ordering.

    Attributes:
        removed: how many items are erased at the first flip, −1 for never.
        mass: theirs.
        emptied: whether nothing is left then; None in runs older than the record of it.
        sufficient: how many items guarantee the decision; None where that is not known.
    """

    removed: int
    mass: float
    emptied: bool | None
    sufficient: int | None = None


class AmongRandom(NamedTuple):
    """How many random orders of a document were tried; how many of them reach more than an ordering, and as much."""

    tried: int
    better: int
    equal: int


@dataclass(frozen=True)
class StoredDocument:
    """One document.

    Attributes:
        number: its row in the split, from 0.
        n: how many items it has.
        decision: the class that was decided for.
        p_decision: its probability.
        erasures: by ordering and draw.
        items: column → (items,), or None where they were not kept; ``rank_<ordering>`` is −1 where it is null, and not
            there in runs older than the record of it.
        curves: by ordering and draw the columns (items + 1,); of a document whose curves were not kept, none.
        target_curves: by number of a class that is followed beside the decision the same of it.
        limits: by score the ends of the limits of AOPC (4,), where they were found.
        sufficient: of the smallest set that guarantees the decision its number of items, a number below which none
            does, and how many items every such set has; empty where that is not known.
        among_random: by ordering and draw, where it is known.
        rationales: by annotator, kind, name and draw what is held against the items that are marked, by column; empty
            where the run has no table of that.
        correlations: by column Kendall's tau, where it was asked for and is defined.
        asked: by column numbers of items of sets that flip the decision and that guarantee it, where sets were erased
            to find it.
        otherwise: by further way of erasing, ordering and draw.
    """

    number: int
    n: int
    decision: int
    p_decision: float
    erasures: dict[tuple[str, int], StoredFlip]
    items: dict[str, Column] | None
    curves: dict[tuple[str, int], dict[str, Column]] = field(default_factory=dict)
    target_curves: dict[int, dict[tuple[str, int], dict[str, Column]]] = field(default_factory=dict)
    limits: dict[str, Column] = field(default_factory=dict)
    sufficient: tuple[int, ...] = ()
    among_random: dict[tuple[str, int], AmongRandom] = field(default_factory=dict)
    rationales: dict[HeldKey, dict[str, float]] = field(default_factory=dict)
    otherwise: dict[str, dict[tuple[str, int], StoredFlip]] = field(default_factory=dict)

    @property
    def marked(self) -> dict[str, set[int]]:
        """By annotator the items that are marked, where items were kept."""
        return {
            name.removeprefix(RATIONALE): set(np.flatnonzero(marks == 1).tolist())
            for name, marks in (self.items or {}).items()
            if name.startswith(RATIONALE)
        }

    correlations: dict[str, float] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)

    def orders(self, orderings: Collection[str]) -> dict[str, list[int]]:
        """The items in the order in which each of these orderings erased them, as far as that is said."""
        ranks = {name: (self.items or {}).get(f"{RANK}{name}") for name in orderings}
        return {
            name: [int(item) for item in np.argsort(rank, kind="stable") if rank[item] >= 0]
            for name, rank in ranks.items()
            if rank is not None
        }


def stored_documents(
    folder: RunFolder, numbers: npt.NDArray[np.integer], kept: npt.NDArray[np.bool_]
) -> list[StoredDocument]:
    """The results of these documents; of large tables only the row groups that hold them are read.

    Args:
        folder: of the run, its tables whole.
        numbers: of documents that have results, ascending (documents,).
        kept: whether their items are in the table of items (documents,).

    Raises:
        InputError: rows that are there are not found by their row group's statistics.
    """
    limits = [name for name in LIMIT_COLUMNS if name in columns_of(folder.table("documents"))]
    present = columns_of(folder.table("documents"))
    by_asking = ENUMERATED in present
    sufficient = [name for name in (_ASKED if by_asking else SUFFICIENT) if name in present]
    taus = [name for name in CORRELATIONS if name in columns_of(folder.table("documents"))]
    documents = _by_document(folder, "documents", (*_DOCUMENTS, *limits, *sufficient, *taus), numbers)
    ways = recorded_ways(read_configuration(folder.config))
    erasures = _flips(folder, numbers, next(iter(ways)))
    named = {SUFFICIENT_ITEM, FLIPPING_ITEM, *_SCORES_WITHOUT, *(f"{name}_{way}" for way in ways for name in BY_WAY)}
    ranks = [
        name
        for name in columns_of(folder.table("items"))
        if name.startswith((RANK, RATIONALE, *OF_TARGET)) or name in named
    ]
    counted = RANDOM_COLUMNS if RANDOM_COLUMNS[0] in columns_of(folder.table("erasures")) else ()
    among_random = _by_document(folder, "erasures", ("ordering", "draw", *counted), numbers) if counted else {}
    items = _by_document(folder, "items", (*_ITEMS, *ranks), numbers[kept])
    curves = _curves(folder, CURVES, numbers) if folder.table(CURVES).exists() else {}
    followed = _curves(folder, TARGET_CURVES, numbers) if folder.table(TARGET_CURVES).exists() else {}
    rationales = _rationales(folder, numbers) if folder.table(RATIONALE_ROWS).exists() else {}
    return [
        StoredDocument(
            number,
            documents[number]["n"][0].item(),
            documents[number]["decision"][0].item(),
            documents[number]["p_decision"][0].item(),
            erasures[number].pop(next(iter(ways)), {}),
            items.get(number),
            next(iter(curves.get(number, {}).values()), {}),
            followed.get(number, {}),
            _limits({name: documents[number][name] for name in limits}),
            () if by_asking else tuple(int(documents[number][name][0]) for name in sufficient),
            _among_random(among_random[number]) if counted else {},
            rationales.get(number, {}),
            otherwise=erasures[number],
            correlations={name: float(tau) for name in taus if not np.isnan(tau := documents[number][name][0])},
            asked=_asked(documents[number], sufficient) if by_asking else {},
        )
        for number in numbers.tolist()
    ]


def _asked(columns: dict[str, Column], names: Collection[str]) -> dict[str, int]:
    """What is said of a document of which sets were erased; nothing of others."""
    numbers = {name: _whole(columns[name][0]) for name in names}
    return {name: number for name, number in numbers.items() if number is not None}


def _whole(number: float) -> int | None:
    """A whole number; None where there is none."""
    return None if np.isnan(number) else int(number)


def _flips(
    folder: RunFolder, numbers: npt.NDArray[np.integer], first: str
) -> dict[int, dict[str, dict[tuple[str, int], StoredFlip]]]:
    """By number, way of erasing, ordering and draw; rows of a table that does not tell ways are of the first."""
    further = [name for name in ("emptied", "sufficient", ERASE_BY) if name in columns_of(folder.table("erasures"))]
    found: dict[int, dict[str, dict[tuple[str, int], StoredFlip]]] = {}
    for number, columns in _by_document(folder, "erasures", (*_ERASURES, *further), numbers).items():
        rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        for row in rows:
            sufficient = row.get("sufficient", np.nan)
            found.setdefault(number, {}).setdefault(str(row.get(ERASE_BY, first)), {})[
                str(row["ordering"]), int(row["draw"])
            ] = StoredFlip(
                int(row["removed"]),
                float(row["mass"]),
                bool(row["emptied"]) if "emptied" in row else None,
                _whole(sufficient),
            )
    return found


def _limits(columns: dict[str, Column]) -> dict[str, Column]:
    """By score the ends of a document's limits, where they are known."""
    ends = {
        score: np.array([columns[f"{LIMIT}{score}_{end}"][0] for end in LIMIT_ENDS], dtype=np.float64)
        for score in (SCORES if columns else ())
    }
    return {score: found for score, found in ends.items() if not np.isnan(found).any()}


def _among_random(columns: dict[str, Column]) -> dict[tuple[str, int], AmongRandom]:
    """By ordering and draw where it stands among random orders, where that is known."""
    rows = zip(*columns.values(), strict=True)
    return {
        (str(name), int(draw)): AmongRandom(*map(int, counts))
        for name, draw, *counts in rows
        if not np.isnan(counts[0])  # which it is in rows of further ways of erasing
    }


def _curves(
    folder: RunFolder, table: str, numbers: npt.NDArray[np.integer]
) -> dict[int, dict[int, dict[tuple[str, int], dict[str, Column]]]]:
    """By number and by target the whole curves of those of these documents that have any."""
    rows = rows_of_documents(folder.table(table), ["document", *_CURVES], numbers)
    with_curves = np.unique(rows["document"].to_numpy().astype(np.int64))
    found = {}
    for number, columns in _by_document(folder, table, _CURVES, with_curves).items():
        keys = [columns.pop(name) for name in ("target", "ordering", "draw")]
        of_targets: dict[int, dict[tuple[str, int], dict[str, Column]]] = {}
        for target, name, draw in dict.fromkeys(zip(*(key.tolist() for key in keys), strict=True)):
            here = (keys[0] == target) & (keys[1] == name) & (keys[2] == draw)
            curve = {column: numbers[here] for column, numbers in columns.items()}
            of_targets.setdefault(int(target), {})[str(name), int(draw)] = curve
        found[number] = of_targets
    return found


def _rationales(folder: RunFolder, numbers: npt.NDArray[np.integer]) -> dict[int, dict[HeldKey, dict[str, float]]]:
    """By number what is held against the items that are marked in those of these documents in which some are."""
    rows = rows_of_documents(folder.table(RATIONALE_ROWS), ["document", *_HELD, *_HELD_NUMBERS], numbers)
    found: dict[int, dict[HeldKey, dict[str, float]]] = {}
    for row in rows.to_pylist():
        key = HeldKey(*(row[name] for name in _HELD))
        of_document = found.setdefault(row["document"], {})
        if key in of_document:
            raise InputError(
                f"{folder.table(RATIONALE_ROWS)}, document {row['document']}: there are two rows of {key}."
            )
        of_document[key] = {name: np.nan if row[name] is None else float(row[name]) for name in _HELD_NUMBERS}
    return found


def _by_document(
    folder: RunFolder, table: str, columns: tuple[str, ...], numbers: npt.NDArray[np.integer]
) -> dict[int, dict[str, Column]]:
    """The columns of each document's rows."""
    rows = rows_of_documents(folder.table(table), ["document", *columns], numbers)
    documents = rows["document"].to_numpy()
    whole = {name: _numbers(name, rows[name]) for name in columns}
    for number in np.setdiff1d(numbers, documents)[:1]:
        raise InputError(f"{folder.table(table)} is damaged: its statistics do not lead to document {number}.")
    return {
        number: {name: column[documents == number] for name, column in whole.items()} for number in numbers.tolist()
    }


def _numbers(name: str, column: pa.ChunkedArray) -> Column:
    marks = name.startswith(RATIONALE) or (pa.types.is_boolean(column.type) and column.null_count > 0)
    if marks:
        column = column.cast(pa.int8())
    filled = column.fill_null(-1) if marks or name.startswith(RANK) else column
    values: Column = filled.to_numpy(zero_copy_only=False)
    return values
