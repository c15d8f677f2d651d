"""How attention, gradients of the input and leaving words out rank the words of a document alike, over documents."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from attnprobe.analysis.bootstrap import Estimate, Numbers, means
from attnprobe.analysis.results import RunResults
from attnprobe.erasure.correlation_names import CORRELATIONS


class Correlation(NamedTuple):
    """Kendall's tau of two of them over documents.

    Attributes:
        between: which two, in words.
        mean: over the documents that have one.
        deviation: its standard deviation over these.
        undefined: how many have none, because one of the two is the same for all their words.
    """

    between: str
    mean: Estimate
    deviation: float
    undefined: int


def correlations(results: RunResults) -> dict[str, Any] | None:
    """``documents`` that were asked, and ``taus``: by column its ``Correlation``; None where none were asked."""
    taus = taus_of(results)
    if taus is None:
        return None
    estimates = means({name: taus[name].to_numpy() for name in taus})
    return {
        "documents": len(taus),
        "taus": {
            name: Correlation(between, estimates[name], _deviation(taus[name].to_numpy()), int(taus[name].isna().sum()))
            for name, between in CORRELATIONS.items()
        },
    }


def taus_of(results: RunResults) -> pd.DataFrame | None:
    """The correlations of documents of several items, by their numbers; None where none were asked for.

    Documents of which nothing is known are not there.
    """
    documents = results.several
    if not set(CORRELATIONS) <= set(documents.columns):
        return None
    return documents.set_index("document")[list(CORRELATIONS)].astype(np.float64).dropna(how="all")


def _deviation(values: Numbers) -> float:
    defined = values[~np.isnan(values)]
    return float(defined.std()) if len(defined) else float("nan")
