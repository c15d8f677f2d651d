"""Smaller versions of a dataset, so that an experiment fits the machine at hand."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from attnprobe.data.split import Split
from attnprobe.data.tokenised_dataset import Dataset
from attnprobe.settings.ranges import check_counts

SAMPLE_SEED = 0
"""A constant, not the run's seed: every model and seed of an experiment sees the same documents."""


@dataclass(frozen=True)
class DataLimits:
    """How much of a dataset is used, None is all of it; and how its texts are read.

    Attributes:
        train_documents, dev_documents, test_documents: a seeded sample of this many documents of the split.
        train_words: training and dev documents are cut after this many words; test documents never are.
        given_tokens: texts are tokens that whitespace separates, and that are kept as they are.

    Raises:
        InputError: a limit is less than one.
    """

    train_documents: int | None = None
    dev_documents: int | None = None
    test_documents: int | None = None
    train_words: int | None = None
    given_tokens: bool = False

    def __post_init__(self) -> None:
        check_counts(self, "train_documents", "dev_documents", "test_documents", "train_words")

    def apply(self, dataset: Dataset) -> Dataset:
        """The dataset within these limits."""
        splits = {
            "train": self._cut(_sample(dataset.splits["train"], self.train_documents)),
            "dev": self._cut(_sample(dataset.splits["dev"], self.dev_documents)),
            "test": _sample(dataset.splits["test"], self.test_documents),
        }
        return dataclasses.replace(dataset, splits=splits)

    def _cut(self, split: Split) -> Split:
        return split if self.train_words is None else split.cut(self.train_words)


def _sample(split: Split, size: int | None) -> Split:
    if size is None or size >= len(split):
        return split
    chosen = np.random.default_rng(SAMPLE_SEED).permutation(len(split))[:size]
    return split.sample(np.sort(chosen))
