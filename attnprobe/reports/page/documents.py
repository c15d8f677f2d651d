"""What the page knows of a document: its words and, as packed numbers, what its erasures are computed from."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from attnprobe.analysis.erased_orders import Positions, erased_order, ranked_orderings
from attnprobe.analysis.results import RunResults
from attnprobe.erasure.registered_orderings import OWN, RANK
from attnprobe.reports.page.readable import gaps, legible, legible_item
from attnprobe.runs.tables import check_columns, columns_of_table

SNIPPET = 110
"""Characters of a document that the list of documents shows."""

_CONTRIBUTION = re.compile(r"contribution_(\d+)")

DOUBLES = ("weight", "gradient")
"""Columns that shade the items, kept as they are: float32 would tie what is not equal."""

TABLE = "items.parquet"


def ranked_by(ordering: str, columns: Iterable[Any], *, affine: bool) -> list[str]:
    """The columns of items whose product the items were ranked by, where they are among these.

    Args:
        ordering: its name.
        columns: those that there are.
        affine: whether the readout is, so that all attention is one row; elsewhere columns are means of several heads.
    """
    wanted = OWN[ordering].columns if ordering in OWN else ()
    return list(wanted) if set(wanted) <= set(columns) and (affine or len(wanted) == 1) else []


@dataclass(frozen=True)
class ItemColumns:
    """Which columns a run's table of items has, of texts and of those that the page packs, in order.

    Attributes:
        texts: ``token``, and ``before`` in all but old runs.
        doubles: kept as float64.
        singles: kept as float32, the contributions to each class last.
        ranks: orderings of which the table has the order in which they erased.
        flags: kept as bytes.
    """

    texts: list[str]
    doubles: list[str]
    singles: list[str]
    ranks: list[str]
    flags: list[str]

    @classmethod
    def of(cls, results: RunResults) -> ItemColumns:
        """Those of a run.

        Raises:
            InputError: the table of items is missing or cannot be read, or has contributions to some classes alone.
        """
        path = results.folder / TABLE
        names = columns_of_table(path)
        classes = sorted(int(match[1]) for name in names if (match := _CONTRIBUTION.fullmatch(name)))
        check_columns(path, [f"contribution_{c}" for c in range(len(results.labels) if classes else 0)], names)
        classes = classes[: len(results.labels)]
        effects = [name for name in ("js",) if name in names]
        return cls(
            ["token", *(name for name in ("before",) if name in names)],
            [name for name in DOUBLES if name in names],
            [*effects, *(f"contribution_{c}" for c in classes)],
            ranked_orderings(names),
            [name for name in ("flips",) if name in names],
        )

    @property
    def contributions(self) -> list[str]:
        """Those of the classes, in order."""
        return [name for name in self.singles if _CONTRIBUTION.fullmatch(name)]


class SampledDocuments:
    """The items of some documents of a run.

    Args:
        results: the run.
        rows: which documents, as rows of ``results.several``.
    """

    def __init__(self, results: RunResults, rows: Sequence[int]) -> None:
        self.results = results
        self.columns = ItemColumns.of(results)
        self._numbers = results.several["document"].to_numpy()[list(rows)].tolist()

    @cached_property
    def _items(self) -> dict[int, pd.DataFrame]:
        of = self.columns
        ranks = [f"{RANK}{name}" for name in of.ranks]
        names = ["document", "position", *of.texts, *of.doubles, *of.singles, *ranks, *of.flags]
        table = self.results.items(names, self._numbers)
        table["token"] = table["token"].astype(str)
        table["before"] = (
            table["before"].astype(object).where(table["before"].notna(), None) if "before" in table else None
        )
        by_number: Any = table.groupby("document")
        return {int(number): items.sort_values("position") for number, items in by_number}

    def items(self, row: int) -> pd.DataFrame | None:
        """The items of a document, in order of position; None where they were not kept."""
        return self._items.get(int(self.results.several["document"].iloc[row]))

    @cached_property
    def _removed(self) -> dict[tuple[int, str], list[int]]:
        """Items erased when the decision changes, of each document and ordering by draw: −1 for never."""
        erasures = self.results.erasures
        wanted = erasures[erasures["document"].isin(self._numbers)].sort_values("draw", kind="stable")
        by_both: Any = wanted.groupby(["document", "ordering"], observed=True)["removed"]
        return {key: removed.tolist() for key, removed in by_both}

    def order(self, row: int, ordering: str) -> Positions | None:
        """Positions in the order in which an ordering erased them, as far as it goes; None where that is not known.

        Raises:
            InputError: the table of items holds no order in their place.
        """
        items = self.items(row)
        return None if items is None else erased_order(items, ordering, self.results.folder / TABLE)

    @cached_property
    def shown_ranks(self) -> list[str]:
        """The orderings whose order the page packs: those that it shows."""
        return [name for name in self.results.first_flips if name in self.columns.ranks]

    def _places(self, row: int, ordering: str, n: int) -> bytes:
        """Each item's place in an ordering from 1 on, 0 where it has none, in the fewest bytes that hold n."""
        places = np.zeros(n, dtype=np.int64)
        order = self.order(row, ordering)
        if order is not None:
            places[order] = np.arange(1, len(order) + 1)
        return places.astype("u1" if n < 1 << 8 else "<u2" if n < 1 << 16 else "<u4").tobytes()

    def encoded(self, row: int) -> dict[str, Any] | None:
        """A document ready for JSON; None where its items were not kept.

        ``numbers`` is base64 of little-endian float64 columns, then float32, then places in orderings, then bytes, each
        (items,). ``removed`` holds by ordering and draw how many items are erased when the decision changes, −1 for
        never; ``emptied`` whether nothing is left by then, of the orderings of which that is so in a draw.

        Raises:
            InputError: the table of items holds no order where one should be.
        """
        document = self.results.several.iloc[row]
        items = self.items(row)
        if items is None:
            return None
        tokens, between = items["token"].tolist(), gaps(items["before"].tolist())
        beginning = "".join(gap + token for gap, token in zip(between[:SNIPPET], tokens, strict=False))
        packed = b"".join(
            [
                *(items[name].to_numpy(dtype="<f8").tobytes() for name in self.columns.doubles),
                *(items[name].to_numpy(dtype="<f4").tobytes() for name in self.columns.singles),
                *(self._places(row, name, len(items)) for name in self.shown_ranks),
                *(items[name].to_numpy(dtype="u1").tobytes() for name in self.columns.flags),
            ]
        )
        flips = self.results.first_flips
        label, decision = int(document["label"]), int(document["decision"])
        p = document.get("p_decision")
        return {
            "number": int(document["document"]),
            "label": label,
            "decision": decision,
            "decided": legible(self.results.class_name(decision)),
            "labelled": legible(self.results.class_name(label)) if label >= 0 else None,
            "p": None if p is None or np.isnan(p) else float(p),
            "removed": {name: self._removed[int(document["document"]), name] for name in flips},
            "emptied": {name: flip.emptied[row].tolist() for name, flip in flips.items() if flip.emptied[row].any()},
            "mass": {
                name: [None if np.isnan(draw) else round(float(draw), 4) for draw in flip.mass[row]]
                for name, flip in flips.items()
            },
            "snippet": legible(" ".join(beginning.split())[:SNIPPET]),
            "tokens": [legible_item(token) for token in tokens],
            "between": between,
            "numbers": base64.b64encode(packed).decode("ascii"),
        }
