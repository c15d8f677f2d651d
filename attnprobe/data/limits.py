"""Smaller versions of a dataset, so that an experiment fits the machine at hand."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from attnprobe.data.split import Split
from attnprobe.data.tokenised_dataset import Dataset
from attnprobe.settings.data import DataLimits

SAMPLE_SEED = 0
"""A constant, not the run's seed: every model and seed of an experiment sees the same documents."""


def within_limits(dataset: Dataset, limits: DataLimits) -> Dataset:
    """The documents and words of a dataset that these limits leave; test documents are never cut."""
    chosen = {
        "train": _sample(dataset.splits["train"], limits.train_documents),
        "dev": _sample(dataset.splits["dev"], limits.dev_documents),
        "test": _sample(dataset.splits["test"], limits.test_documents),
    }
    splits, rationales = dict(dataset.splits), dataset.rationales
    for name, rows in chosen.items():
        if rows is not None:
            splits[name] = splits[name].sample(rows)
            rationales = rationales.of(rows) if rationales is not None and name == "test" else rationales
    splits |= {name: _cut(splits[name], limits.train_words) for name in ("train", "dev")}
    return dataclasses.replace(dataset, splits=splits, rationales=rationales)


def _cut(split: Split, words: int | None) -> Split:
    return split if words is None else split.cut(words)


def _sample(split: Split, size: int | None) -> npt.NDArray[np.int64] | None:
    """The rows, ascending, of as many documents; None where these are all."""
    if size is None or size >= len(split):
        return None
    return np.sort(np.random.default_rng(SAMPLE_SEED).permutation(len(split))[:size])
