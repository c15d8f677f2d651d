"""Whole curves of a run: the decision's score along orderings, and the areas that are read off them.

A document's curves are rows of curves.parquet, one for each number k = 0 … n of removed items: the score without an
ordering's first k items, and of these alone. What is defined here is defined in ``erasure.curve_areas`` for tensors.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from attnprobe.analysis.bootstrap import Numbers
from attnprobe.analysis.results import RunResults
from attnprobe.base.errors import InputError
from attnprobe.erasure.curve_names import ERASER_PERCENT
from attnprobe.runs.read_columns import CURVE_COLUMNS

Counts = npt.NDArray[np.int64]


class WholeCurves(NamedTuple):
    """Of the documents of several items that have some; each has the same orderings and draws.

    Attributes:
        documents: their rows among ``RunResults.several`` (documents,).
        sizes: how many items each has (documents,).
        draws: name and draw of each curve of a document, in order.
        first: where each curve begins among the rows (documents, draws); it has ``sizes + 1``.
        rows: the scores by column (rows,).
    """

    documents: Counts
    sizes: Counts
    draws: list[tuple[str, int]]
    first: Counts
    rows: dict[str, Numbers]

    @classmethod
    def of(cls, results: RunResults) -> WholeCurves | None:
        """Those of a run; None where it has none.

        Raises:
            InputError: the table cannot be read, or does not hold whole curves of the same orderings.
        """
        table = results.curves()
        if table is None:
            return None
        several = results.several
        table = table[table["document"].isin(several["document"])]
        if table.empty:
            return None
        begins = np.flatnonzero(table["removed"].to_numpy() == 0)
        rows = pd.Index(several["document"]).get_indexer(pd.Index(table["document"].to_numpy()[begins]))
        names, numbers = table["ordering"].astype(str).to_numpy()[begins], table["draw"].to_numpy()[begins]
        keys = list(zip(names.tolist(), numbers.tolist(), strict=True))
        found = int((rows == rows[:1]).sum())
        if not (_are_whole(table, begins, several["n"].to_numpy()[rows]) and _are_alike(keys, rows, found)):
            path = results.folder / "curves.parquet"
            raise InputError(f"{path} does not hold whole curves of the same orderings of each document.")
        draws = keys[:found]
        of_documents = rows[::found].astype(np.int64)
        scores = {name: table[name].to_numpy(np.float64, na_value=np.nan) for name in CURVE_COLUMNS[4:]}
        sizes = several["n"].to_numpy()[of_documents].astype(np.int64)
        return cls(of_documents, sizes, draws, begins.reshape(-1, found).astype(np.int64), scores)

    def of_orderings(self) -> dict[str, list[int]]:
        """By name the places of an ordering's draws among those of a document."""
        places: dict[str, list[int]] = {}
        for place, (name, _) in enumerate(self.draws):
            places.setdefault(name, []).append(place)
        return places

    def at(self, column: str, removed: Counts) -> Numbers:
        """A column where so many items (documents,) are removed (documents, draws)."""
        found: Numbers = self.rows[column][self.first + removed[:, None]]
        return found

    def mean(self, column: str, first: int, left_out: int) -> Numbers:
        """The mean (documents, draws) over k = ``first`` … n − ``left_out``."""
        begins = self.first + first
        ends = self.first + (self.sizes - left_out + 1)[:, None]
        bounds = np.stack([begins, ends], axis=-1).ravel()
        # A last end may lie behind the last row, where there is nothing to sum.
        values = np.append(self.rows[column], 0.0)
        sums = np.add.reduceat(values, bounds)[::2].reshape(begins.shape)
        means: Numbers = sums / (ends - begins)
        return means


def _are_whole(table: pd.DataFrame, begins: Counts, sizes: Counts) -> bool:
    """Whether rows are curves of 0 … n removed items of one document each, from ``begins`` on (curves,)."""
    if begins[:1].tolist() != [0]:
        return False
    lengths = np.diff(begins, append=len(table))
    place = np.arange(len(table)) - np.repeat(begins, lengths)
    documents = table["document"].to_numpy()
    return bool(
        (table["removed"].to_numpy() == place).all()
        and (documents == np.repeat(documents[begins], lengths)).all()
        and (lengths == sizes + 1).all()
    )


def _are_alike(keys: list[tuple[str, int]], rows: Counts, found: int) -> bool:
    """Whether each document, in order, has the same ``found`` curves, each once.

    Args:
        keys: name and draw of each curve.
        rows: whose they are (curves,).
        found: how many the first document has.
    """
    draws = keys[:found]
    return bool(
        keys == draws * (len(keys) // found)
        and len(set(draws)) == found
        and len(np.unique(rows)) * found == len(rows)
        and (np.diff(rows[::found]) > 0).all()
    )


class Areas(NamedTuple):
    """What is read off the curves of one score, each (documents, draws)."""

    comprehensiveness: Numbers
    sufficiency: Numbers
    comprehensiveness_eraser: Numbers
    sufficiency_eraser: Numbers
    symmetric_relevance_gain: Numbers
    under_curve: Numbers
    when_empty: Numbers


def areas(curves: WholeCurves, score: str) -> Areas:
    """Of the probability or the logit; ``under_curve`` is by trapezoids over shares of the items."""
    erased, kept, sizes = score, f"kept_{score}", curves.sizes
    whole, empty = curves.at(erased, np.zeros_like(sizes)), curves.at(erased, sizes)
    mean_erased = curves.mean(erased, 1, 0)
    shares = [-(-sizes * percent // 100) for percent in ERASER_PERCENT]
    return Areas(
        whole - mean_erased,
        whole - curves.mean(kept, 1, 0),
        whole - np.mean([curves.at(erased, removed) for removed in shares], axis=0),
        whole - np.mean([curves.at(kept, removed) for removed in shares], axis=0),
        curves.mean(kept, 0, 1) - mean_erased,
        mean_erased + (whole - empty) / (2 * sizes[:, None]),
        empty,
    )


def log_odds(curves: WholeCurves) -> Numbers:
    """The mean over k = 1 … n of log p without the first k items less log p (documents, draws)."""
    beginning = curves.at("log_probability", np.zeros_like(curves.sizes))
    fall: Numbers = curves.mean("log_probability", 1, 0) - beginning
    return fall


def on_grid(curves: WholeCurves, column: str, shares: Numbers) -> Iterator[tuple[str, Numbers]]:
    """By ordering the mean over documents and draws of a column, with these shares of the items removed, rounded."""
    points = [curves.at(column, np.rint(share * curves.sizes).astype(np.int64)) for share in shares]
    table = np.stack(points)
    for name, places in curves.of_orderings().items():
        yield name, table[:, :, places].mean(axis=(1, 2))
