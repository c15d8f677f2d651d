"""What the page knows of a document: its words and, as packed numbers, what its erasures are computed from."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from attnprobe.analysis.results import RunResults
from attnprobe.analysis.run_tables import columns_of_table
from attnprobe.reports.page.readable import gaps, legible, legible_item

SNIPPET = 110
"""Characters of a document that the list of documents shows."""

_CONTRIBUTION = re.compile(r"contribution_(\d+)")

DOUBLES = ("weight", "gradient")
"""Columns that order the items, kept as they are: float32 would tie what is not equal."""


@dataclass(frozen=True)
class ItemColumns:
    """Which columns a run's table of items has, of texts and of those that the page packs, in order.

    Attributes:
        texts: ``token``, and ``before`` in all but old runs.
        doubles, singles, flags: packed as float64, float32 and bytes.
    """

    texts: list[str]
    doubles: list[str]
    singles: list[str]
    flags: list[str]

    @classmethod
    def of(cls, results: RunResults) -> ItemColumns:
        """Those of a run, the contributions to each class last.

        Raises:
            InputError: the table of items is missing or cannot be read.
        """
        names = columns_of_table(results.folder / "items.parquet")
        classes = sorted(int(match[1]) for name in names if (match := _CONTRIBUTION.fullmatch(name)))
        effects = [name for name in ("js",) if name in names]
        return cls(
            ["token", *(name for name in ("before",) if name in names)],
            [name for name in DOUBLES if name in names],
            [*effects, *(f"contribution_{c}" for c in classes)],
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
        columns = self.columns
        names = ["document", "position", *columns.texts, *columns.doubles, *columns.singles, *columns.flags]
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

    def encoded(self, row: int) -> dict[str, Any] | None:
        """A document ready for JSON; None where its items were not kept.

        ``numbers`` is base64 of little-endian float64 columns, then float32, then bytes, each (items,).
        """
        document = self.results.several.iloc[row]
        items = self.items(row)
        if items is None:
            return None
        tokens, between = items["token"].tolist(), gaps(items["before"].tolist())
        beginning = "".join(gap + token for gap, token in zip(between[:SNIPPET], tokens, strict=False))
        packed = b"".join(
            items[name].to_numpy(dtype=kind).tobytes()
            for names, kind in (
                (self.columns.doubles, "<f8"),
                (self.columns.singles, "<f4"),
                (self.columns.flags, "u1"),
            )
            for name in names
        )
        label, decision = int(document["label"]), int(document["decision"])
        p = document.get("p_decision")
        return {
            "number": int(document["document"]),
            "label": label,
            "decision": decision,
            "decided": legible(self.results.class_name(decision)),
            "labelled": legible(self.results.class_name(label)) if label >= 0 else None,
            "p": None if p is None or np.isnan(p) else float(p),
            "removed": {
                name: [-1 if np.isnan(draw) else int(draw) for draw in flips.removed[row]]
                for name, flips in self.results.first_flips.items()
            },
            "mass": {
                name: [None if np.isnan(draw) else round(float(draw), 4) for draw in flips.mass[row]]
                for name, flips in self.results.first_flips.items()
            },
            "snippet": legible(" ".join(beginning.split())[:SNIPPET]),
            "tokens": [legible_item(token) for token in tokens],
            "between": between,
            "numbers": base64.b64encode(packed).decode("ascii"),
        }
