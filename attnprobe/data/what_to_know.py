"""What is to be known of a dataset before anything is made of it, in sentences."""

from __future__ import annotations

from attnprobe.data.alike_labels import alike_labels_in_words
from attnprobe.data.tokenised_dataset import Dataset
from attnprobe.data.unspaced_scripts import unspaced_in_words


def said_of_data(dataset: Dataset, location: str, *, words: bool = True) -> list[str]:
    """Which labels of a dataset may be meant for the same, and where its words are none.

    Args:
        dataset: loaded.
        location: what the user knows it by.
        words: whether its words are read.
    """
    return alike_labels_in_words(dataset, location) + (unspaced_in_words(dataset, location) if words else [])
