"""How often the model is right."""

from __future__ import annotations

import pandas as pd

from attnprobe.analysis.bootstrap import Estimate
from attnprobe.analysis.intervals import wilson
from attnprobe.analysis.results import RunResults
from attnprobe.erasure.registered_decisions import ABOUT_WHAT_IS_GIVEN


def accuracy(results: RunResults) -> Estimate | None:
    """Of the documents of several items; None where the model decides between other classes than the dataset's."""
    return _of(results.several)


def accuracy_of_all_documents(results: RunResults) -> Estimate | None:
    """The same with the documents of one item."""
    return _of(results.documents)


def given_on_top(results: RunResults) -> Estimate | None:
    """In which share of the documents of several items what is given is what the model decides for to begin with.

    A class, or a continuation; None where neither is given. Where it is not, a flip is what makes it so.
    """
    decision = results.meaning.decision
    if decision is None or decision.name not in ABOUT_WHAT_IS_GIVEN:
        return None
    return wilson(int((results.several["decision"] == 1).sum()), len(results.several))


def _of(documents: pd.DataFrame) -> Estimate | None:
    labelled = documents[documents["label"] >= 0]
    return wilson(int((labelled["label"] == labelled["decision"]).sum()), len(labelled)) if len(labelled) else None
