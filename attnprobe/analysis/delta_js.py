"""ΔJS against Δα: does a larger weight mean a larger effect (Serrano & Smith 2019, figures 3 and 4)?

Of each document i*, the item with the largest weight, is paired with every other item r:

    Δα = α(i*) − α(r),    ΔJS = JS(p, p without i*) − JS(p, p without r) in nats

and each pair weighs 1/(n − 1), so that a document weighs one however long it is.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from attnprobe.analysis.bootstrap import Numbers
from attnprobe.analysis.results import RunResults
from attnprobe.base.errors import InputError

RELATIVE_ZERO = 1e-9
"""As ``attnprobe.erasure.measurements.ZERO``: divergences that differ by at most this share of the larger are equal."""

WIDTHS = (0.05, 0.02, 0.01, 0.005, 0.002, 0.001)
"""Of bins of Δα; the first in tables."""


class DeltaAlphaBin(NamedTuple):
    """The pairs with Δα from ``low`` to below ``high``.

    Attributes:
        low, high: ends of the bin.
        weight: sum of the pairs' weights, in documents.
        documents: how many documents have such a pair.
        median: weighted median of ΔJS, in nats.
        upper: weighted 90 % quantile of ΔJS, in nats.
        negative: weight of the pairs with ΔJS < 0, in documents.
    """

    low: float
    high: float
    weight: float
    documents: int
    median: float
    upper: float
    negative: float


def delta_js_pairs(results: RunResults) -> pd.DataFrame:
    """One row a pair (document, r): ``document``, ``delta_alpha``, ``delta_js`` (nats), ``weight``.

    Of the documents with n > 1 whose items were kept. A ΔJS that is rounding is zero.

    Raises:
        InputError: the table of items is missing or cannot be read, or lacks an item of a document, or
            gives it more weight than its most attended one has.
    """
    documents = results.several
    numbers = pd.Index(documents["document"])
    parts = []
    for items in results.item_parts(["document", "position", "weight", "js"]):
        document, position, weight, js = (items[name].to_numpy(zero_copy_only=False) for name in items.schema.names)
        row = numbers.get_indexer(pd.Index(document))
        pairs = (row >= 0) & (documents["top_item"].to_numpy()[row] != position)
        n, top_weight, js_top = (documents[name].to_numpy()[row[pairs]] for name in ("n", "top_weight", "js_top"))
        columns = document[pairs], top_weight - weight[pairs], difference_of_js(js_top, js[pairs]), 1 / (n - 1)
        parts.append(dict(zip(("document", "delta_alpha", "delta_js", "weight"), columns, strict=True)))
    pairs = pd.DataFrame({name: np.concatenate([part.pop(name) for part in parts]) for name in list(parts[0])})
    _require_whole(pairs, results)
    for document in pairs["document"].to_numpy()[pairs["delta_alpha"].to_numpy() < 0][:1]:
        raise InputError(
            f"{results.folder / 'items.parquet'}, document {document}: the column 'weight' holds more than the "
            f"'top_weight' of {results.folder / 'documents.parquet'}."
        )
    return pairs


def _require_whole(pairs: pd.DataFrame, results: RunResults) -> None:
    """Refuse a table of items that has not every item of its documents: their weights would not add up to one."""
    path = results.folder / "items.parquet"
    kept = pairs["document"].value_counts(sort=False)
    others = results.several.set_index("document")["n"].reindex(kept.index) - 1
    wrong = kept[kept != others]
    if len(wrong):
        document = wrong.index[0]
        raise InputError(
            f"{path}: document {document} has {wrong.iloc[0]:,} items beside its most attended one, and "
            f"{results.folder / 'documents.parquet'} says {others[document]:,}."
        )


def difference_of_js(js_top: Numbers, js: Numbers) -> Numbers:
    """ΔJS, zero where the two are equal up to rounding."""
    difference = js_top - js
    return np.where(np.abs(difference) <= RELATIVE_ZERO * np.maximum(js_top, js), 0.0, difference)


def delta_js_by_bin(results: RunResults) -> list[DeltaAlphaBin]:
    """The pairs of a run by Δα, in bins of .05; raises as :func:`delta_js_pairs`."""
    return by_delta_alpha(delta_js_pairs(results))


def by_delta_alpha(pairs: pd.DataFrame, width: float = WIDTHS[0]) -> list[DeltaAlphaBin]:
    """The pairs by Δα in bins of ``width``, from 0 to the last one that has any; empty bins between have NaN quantiles.

    Args:
        pairs: as ``delta_js_pairs`` gives them.
        width: of the bins; 1 is a multiple of it.
    """
    count = round(1 / width)
    edges = np.arange(count + 1) / count
    which = np.clip(np.searchsorted(edges, pairs["delta_alpha"].to_numpy(), side="right") - 1, 0, count - 1)
    bins = []
    for i in range(which.max() + 1 if len(which) else 0):
        inside = pairs[which == i]
        delta_js, weight = inside["delta_js"].to_numpy(), inside["weight"].to_numpy()
        median, upper = weighted_quantiles(delta_js, weight, (0.5, 0.9))
        negative = float(weight[delta_js < 0].sum())
        ends, documents = (float(edges[i]), float(edges[i + 1])), int(inside["document"].nunique())
        bins.append(DeltaAlphaBin(*ends, float(weight.sum()), documents, median, upper, negative))
    return bins


def fine_width(pairs: pd.DataFrame) -> float:
    """The widest round bin width at which the pairs' Δα, which are small in long documents, reach over ten bins."""
    reach = pairs["delta_alpha"].max()
    return next((width for width in WIDTHS if reach > 10 * width), WIDTHS[-1])


def weighted_quantiles(values: Numbers, weights: Numbers, shares: tuple[float, ...]) -> list[float]:
    """The smallest value at which each share of the weight is reached; NaN without values.

    Args:
        values: (numbers,)
        weights: (numbers,), positive.
        shares: between 0 and 1.
    """
    if not len(values):
        return [float("nan")] * len(shares)
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order])
    # Sums of equal thirds or sevenths must not miss the half by rounding.
    targets = np.array(shares) * reached[-1] * (1 - 1e-12)
    return [float(values[order[i]]) for i in np.searchsorted(reached, targets)]
