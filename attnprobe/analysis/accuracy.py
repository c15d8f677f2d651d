"""How often the model is right."""

from __future__ import annotations

import pandas as pd

from attnprobe.analysis.bootstrap import Estimate
from attnprobe.analysis.intervals import wilson
from attnprobe.analysis.results import RunResults


def accuracy(results: RunResults) -> Estimate | None:
    """Of the documents of several items; None where the model decides between other classes than the dataset's."""
    return _of(results.several)


def accuracy_of_all_documents(results: RunResults) -> Estimate | None:
    """The same with the documents of one item."""
    return _of(results.documents)


def _of(documents: pd.DataFrame) -> Estimate | None:
    labelled = documents[documents["label"] >= 0]
    return wilson(int((labelled["label"] == labelled["decision"]).sum()), len(labelled)) if len(labelled) else None
