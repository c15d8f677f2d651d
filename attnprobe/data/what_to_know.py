"""What is to be known of a dataset before anything is made of it, in sentences."""

from __future__ import annotations

import numpy as np

from attnprobe.base.errors import InputError
from attnprobe.data.alike_labels import alike_labels_in_words
from attnprobe.data.files.places import quoted
from attnprobe.data.tokenised_dataset import Dataset
from attnprobe.data.unspaced_scripts import unspaced_in_words


def said_of_data(dataset: Dataset, location: str, *, words: bool = True) -> list[str]:
    """Which labels of a dataset may be meant for the same, which splits have one alone, and where its words are none.

    Args:
        dataset: loaded.
        location: what the user knows it by.
        words: whether its words are read.
    """
    alike = alike_labels_in_words(dataset, location) + _of_one_label(dataset, location)
    return alike + (unspaced_in_words(dataset, location) if words else [])


def _of_one_label(dataset: Dataset, location: str) -> list[str]:
    """A sentence for each split whose documents all have the same label, where there are others."""
    sentences = []
    for name, split in dataset.splits.items():
        found = np.unique(split.labels)
        if len(found) == 1 and len(dataset.labels) > 1:
            chosen = ", by which the epoch is chosen that is kept," * (name == "dev")
            label = quoted(dataset.labels[int(found[0])])
            sentences.append(f"{location}: all {len(split):,} {name} documents{chosen} have the same label, {label}.")
    return sentences


def require_words_to_erase(dataset: Dataset, location: str) -> None:
    """See that something can be erased in a test document, where a model reads nothing but words.

    Raises:
        InputError: each has a single word, which is all of its attention.
    """
    if int(np.max(dataset.splits["test"].words_per_document)) < 2:
        raise InputError(
            f"{location}: no test document has more than one word, so nothing can be erased: a word alone has all of "
            "the attention."
        )
