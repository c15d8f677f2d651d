"""Smaller versions of a dataset, so that an experiment fits the machine at hand."""

from __future__ import annotations

import dataclasses

import numpy as np

from attnprobe.data.split import Split
from attnprobe.data.tokenised_dataset import Dataset
from attnprobe.settings.data import DataLimits

SAMPLE_SEED = 0
"""A constant, not the run's seed: every model and seed of an experiment sees the same documents."""


def within_limits(dataset: Dataset, limits: DataLimits) -> Dataset:
    """The documents and words of a dataset that these limits leave; test documents are never cut."""
    splits = {
        "train": _cut(_sample(dataset.splits["train"], limits.train_documents), limits.train_words),
        "dev": _cut(_sample(dataset.splits["dev"], limits.dev_documents), limits.train_words),
        "test": _sample(dataset.splits["test"], limits.test_documents),
    }
    return dataclasses.replace(dataset, splits=splits)


def _cut(split: Split, words: int | None) -> Split:
    return split if words is None else split.cut(words)


def _sample(split: Split, size: int | None) -> Split:
    if size is None or size >= len(split):
        return split
    chosen = np.random.default_rng(SAMPLE_SEED).permutation(len(split))[:size]
    return split.sample(np.sort(chosen))
