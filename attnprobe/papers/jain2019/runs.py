"""What the tables and the claims look at in a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from attnprobe.analysis.bootstrap import means
from attnprobe.analysis.correlations import taus_of
from attnprobe.analysis.results import RunResults
from attnprobe.base.roc import roc_auc
from attnprobe.erasure.correlation_names import CORRELATIONS
from attnprobe.papers.jain2019.published import ENCODERS


class Correlated(NamedTuple):
    """A run whose attention was correlated.

    Attributes:
        dataset, model, seed: of the run.
        taus: a row a document that was asked, by its number; the columns are ``CORRELATIONS``.
        results: the run, its tables not read.
    """

    dataset: str
    model: str
    seed: int
    taus: pd.DataFrame
    results: RunResults


def correlated(runs: Iterable[RunResults]) -> Iterator[Correlated]:
    """Those of these runs that are of one of the paper's models and whose attention was correlated.

    Of one run at a time the tables are held in memory.
    """
    for run in runs:
        if run.model in ENCODERS:
            unread = run.unread()
            taus = taus_of(unread)
            if taus is not None:
                yield Correlated(run.dataset, run.model, run.seed, taus, run)


def run_row(run: Correlated) -> dict[str, Any]:
    """``dataset``, ``model``, ``seed``, ``documents``, ``accuracy``, ``f1``, ``auc``, and the correlations.

    Each correlation has its mean over documents, ``…_low`` and ``…_high``, and ``…_n``. The F1 is that of the second
    class in the order of their names; AUC and F1 are NaN of other than two classes.
    """
    documents = run.results.unread().documents
    label, decision = documents["label"].to_numpy(), documents["decision"].to_numpy()
    row: dict[str, Any] = {"dataset": run.dataset, "model": run.model, "seed": run.seed, "documents": len(documents)}
    row |= {"accuracy": float((label == decision).mean()), "f1": np.nan, "auc": np.nan}
    if len(run.results.labels) == 2:
        sure = documents["p_decision"].to_numpy(dtype=np.float64)
        row["auc"] = roc_auc(np.where(decision == 1, sure, 1 - sure), label == 1)
        right = int(((label == 1) & (decision == 1)).sum())
        row["f1"] = 2 * right / max(1, int((label == 1).sum() + (decision == 1).sum()))
    for name, estimate in means({name: run.taus[name].to_numpy() for name in CORRELATIONS}).items():
        row |= {
            name: estimate.value,
            f"{name}_low": estimate.low,
            f"{name}_high": estimate.high,
            f"{name}_n": estimate.n,
        }
    return row
