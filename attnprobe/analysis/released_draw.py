"""The random other item r as the released code of Serrano & Smith (2019) draws it, against every r.

Meant: r uniform over the items other than i*. Released: a number of 1..n−1 is drawn as a rank, but used as a position,
and the ordering is never looked at. So r is never the item at position 0, and it is i* itself with probability
1 / (n − 1) wherever i* is at another position: pairs with ΔJS = 0 and both flips alike appear, and the cells in which
only one of the two flips lose about that share. With many items a document it hardly shows; with few sentences it does.

Everything here is over the documents whose items were kept; how many were not is counted.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from attnprobe.analysis.bootstrap import Estimate, Numbers, means
from attnprobe.analysis.columns import columns_of
from attnprobe.analysis.delta_js import difference_of_js
from attnprobe.analysis.intervals import binary_shares
from attnprobe.analysis.results import RunResults
from attnprobe.analysis.significance import SignTest, mcnemar
from attnprobe.analysis.single_weights import SingleFlips, cells, orderings_with_flips

Integers = npt.NDArray[np.int64]

EXACT = ("flip_other", "delta_js_negative", "delta_js_zero")
"""Columns of documents.parquet that are averages over every r."""


class ReleasedDraw(NamedTuple):
    """One ordering's i* against r three ways, over the same documents.

    Attributes:
        drawn: with one r a document as released; all outcomes are yes or no, with Wilson's intervals.
        expected: the average of that over its draws: what is not the luck of the draw.
        exact: averaged over every r that is meant.
        difference: ``expected`` − ``exact``: the size of the released error, paired by document.
        r_is_top: share of documents in which the drawn r is i*.
        r_is_top_expected: mean probability that it is.
        test: McNemar's of i* and the drawn r flipping; its ``first`` counts the documents that only i* flips.
        left_out: documents with more than one item whose items were not kept.
    """

    drawn: SingleFlips
    expected: SingleFlips
    exact: SingleFlips
    difference: SingleFlips
    r_is_top: Estimate
    r_is_top_expected: Estimate
    test: SignTest
    left_out: int


def released_positions(seed: int, documents: Integers, sizes: Integers) -> Integers:
    """The position drawn for each document (documents,), seeded by run and document: of 1..n−1; 0 where n = 1.

    Args:
        seed: of the run.
        documents: their numbers (documents,).
        sizes: their numbers of items n (documents,).
    """
    drawn = [
        np.random.default_rng([seed, document]).integers(1, n) if n > 1 else 0
        for document, n in zip(documents.tolist(), sizes.tolist(), strict=True)
    ]
    return np.array(drawn, dtype=np.int64)


def released_draws(results: RunResults) -> dict[str, ReleasedDraw]:
    """The released statistic of every ordering that the documents have columns for, beside the intended one.

    Raises:
        InputError: the table of items is missing or cannot be read, or a table lacks a column.
    """
    kept = _Kept.of(results)
    return {name: _of_ordering(results, kept, suffix) for suffix, name in orderings_with_flips(results).items()}


def delta_js_pairs_as_released(results: RunResults) -> pd.DataFrame:
    """As ``delta_js.delta_js_pairs``, with the one drawn r of each document: one row a document, of weight 1."""
    kept = _Kept.of(results)
    top_weight, js_top = (column[kept.rows] for column in columns_of(results, ("top_weight", "js_top")).values())
    drawn = kept.items.iloc[kept.drawn]
    return pd.DataFrame(
        {
            "document": drawn["document"].to_numpy(),
            "delta_alpha": top_weight - drawn["weight"].to_numpy(),
            "delta_js": difference_of_js(js_top, drawn["js"].to_numpy()),
            "weight": 1.0,
        }
    )


class _Kept(NamedTuple):
    """The items of the documents that have them.

    Attributes:
        items: one row an item, by document and position.
        owner: number of each item's document among the kept (items,).
        rows: the kept documents' rows in ``several`` (kept,).
        drawn: row in ``items`` of each one's r (kept,).
    """

    items: pd.DataFrame
    owner: Integers
    rows: Integers
    drawn: Integers

    @classmethod
    def of(cls, results: RunResults) -> _Kept:
        several = results.several
        items = results.items(["document", "position", "weight", "js", "flips"], several["document"])
        documents, start, sizes = np.unique(items["document"].to_numpy(), return_index=True, return_counts=True)
        positions = released_positions(results.seed, documents, sizes)
        rows = pd.Index(several["document"]).get_indexer(pd.Index(documents))
        return cls(items, np.repeat(np.arange(len(documents)), sizes), rows, start + positions)


def _of_ordering(results: RunResults, kept: _Kept, suffix: str) -> ReleasedDraw:
    """The released draw of the ordering whose columns end in ``suffix``."""
    names = [f"{name}{suffix}" for name in ("flip_top", "js_top", "top_item", *EXACT)]
    top, js_top, top_item, *exact = (column[kept.rows] for column in columns_of(results, names).values())
    js, flips, position = (kept.items[name].to_numpy() for name in ("js", "flips", "position"))
    flips = flips.astype(np.float64)
    difference = difference_of_js(js_top[kept.owner], js)
    by_item = (flips, (difference < 0).astype(np.float64), (difference == 0).astype(np.float64))
    others = np.bincount(kept.owner, minlength=len(kept.rows)) - 1.0

    def expected(values: Numbers) -> Numbers:
        return np.bincount(kept.owner, values * (position > 0), len(kept.rows)) / others

    ways = {
        "drawn": cells(top, *(values[kept.drawn] for values in by_item)),
        "expected": cells(top, *(expected(values) for values in by_item)),
        "exact": cells(top, *exact),
    }
    columns = {(way, field): column for way, table in ways.items() for field, column in table.items()}
    columns |= {("difference", field): columns["expected", field] - columns["exact", field] for field in ways["exact"]}
    is_top = (position[kept.drawn] == top_item).astype(np.float64)
    columns["r_is_top_expected", ""] = (top_item > 0) / others
    estimates = means(columns) | binary_shares(
        {key: column for key, column in columns.items() if key[0] == "drawn"} | {("r_is_top", ""): is_top}
    )
    tables = {
        way: SingleFlips(*(estimates[way, field] for field in SingleFlips._fields)) for way in (*ways, "difference")
    }
    return ReleasedDraw(
        **tables,
        r_is_top=estimates["r_is_top", ""],
        r_is_top_expected=estimates["r_is_top_expected", ""],
        test=mcnemar(top, flips[kept.drawn]),
        left_out=len(results.several) - len(kept.rows),
    )
