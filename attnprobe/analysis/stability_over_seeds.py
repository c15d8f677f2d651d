"""Whether an explanation says the same of the same documents when the model is trained again with another seed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from attnprobe.analysis.across_runs import by_pair
from attnprobe.analysis.bootstrap import Estimate, Numbers, means
from attnprobe.analysis.rank_agreement import TOP_PERCENT, ranked_orderings, sampled_documents
from attnprobe.analysis.results import RunResults
from attnprobe.analysis.top_lists import likeness
from attnprobe.base.errors import InputError
from attnprobe.erasure.registered_orderings import RANK


class Stability(NamedTuple):
    """One ordering of one dataset and model: how alike it is in models that differ by their seed alone.

    Attributes:
        dataset, model, ordering: which.
        seeds: of how many models.
        kendall_tau, top_overlap, top_distance: as of ``rank_agreement``, of every two of them; means over documents.
    """

    dataset: str
    model: str
    ordering: str
    seeds: int
    kendall_tau: Estimate
    top_overlap: Estimate
    top_distance: Estimate


def stability_over_seeds(runs: Sequence[RunResults]) -> list[Stability]:
    """Of every dataset and model of which there are several seeds, by ordering that all of them have.

    Raises:
        InputError: a table cannot be read; or a document has other items in one run than in another.
    """
    return [
        stable
        for (dataset, model), seeds in by_pair(runs).items()
        if len(seeds) > 1
        for stable in _of_model(dataset, model, seeds)
    ]


def _of_model(dataset: str, model: str, runs: Sequence[RunResults]) -> list[Stability]:
    of_runs = [ranked_orderings(run) for run in runs]
    names = [name for name in of_runs[0] if all(name in each for each in of_runs)]
    if not names:
        return []
    documents = sampled_documents(runs[0])
    for run in runs[1:]:
        documents = documents[np.isin(documents, run.with_items_kept)]
    columns = [f"{RANK}{name}" for name in names]
    tables = [run.items(["document", "position", *columns], documents) for run in runs]
    numbers = [table["document"].to_numpy() for table in tables]
    for run, of_run in zip(runs, numbers, strict=True):
        if not np.array_equal(of_run, numbers[0]):
            raise InputError(f"{run.folder} has other items of some document than {runs[0].folder}.")
    ends = np.flatnonzero(np.diff(numbers[0], append=-1)) + 1
    places = np.stack([table[columns].to_numpy(np.float64, na_value=np.nan).T for table in tables], axis=1)
    found = np.array([[_of_document(each) for each in part] for part in np.split(places, ends[:-1], axis=2)])
    fields = Stability._fields[4:]
    values: dict[tuple[str, str], Numbers] = {
        (name, field): found[:, place, number] if len(found) else np.empty(0)
        for place, name in enumerate(names)
        for number, field in enumerate(fields)
    }
    estimates = means(values)
    return [Stability(dataset, model, name, len(runs), *(estimates[name, field] for field in fields)) for name in names]


def _of_document(places: Numbers) -> Numbers:
    """Kendall's τ, overlap and distance over every two seeds, of an ordering's places (seeds, items)."""
    if np.isnan(places).any():
        return np.full(3, np.nan)
    found = likeness(places.astype(np.int64), -(-places.shape[1] * TOP_PERCENT // 100))
    pairs = np.triu_indices(len(places), 1)
    averaged: Numbers = np.array([table[pairs].mean() for table in found])
    return averaged
