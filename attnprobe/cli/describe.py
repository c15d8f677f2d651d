"""Describe a dataset: documents, classes, words and sentences per document, vocabulary.

attnprobe describe yelp --data-dir DIR
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from attnprobe.base.text_cells import aligned
from attnprobe.base.visible import visible
from attnprobe.cli.console import conclude
from attnprobe.cli.options import add_column_arguments, add_data_dir_argument, say, say_lines

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from attnprobe.data.split import Split
    from attnprobe.data.tokenised_dataset import Dataset

COLUMNS = ("split", "documents", "classes", "words: mean", "median", "max")
SENTENCE_COLUMNS = ("sentences: mean", "median", "max", "of one sentence")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("dataset", metavar="NAME|PATH", help="a dataset's name or folder")
    add_column_arguments(parser)
    add_data_dir_argument(parser)


def execute(arguments: argparse.Namespace) -> None:
    """Print the tables."""
    from attnprobe.data.datasets import load_dataset
    from attnprobe.data.vocabulary import SMALLEST_COUNT, Vocabulary
    from attnprobe.data.what_to_know import said_of_data

    columns = {"text_column": arguments.text_column, "label_column": arguments.label_column}
    dataset = load_dataset(arguments.dataset, data_dir=arguments.data_dir, **columns)
    for sentence in said_of_data(dataset, arguments.dataset):
        say(sentence)
    sizes = [_sizes(name, split) for name, split in dataset.splits.items()]
    words = len(Vocabulary.build(dataset)) - 2  # without padding and the unknown word
    say_lines(visible(f"{dataset.name}: words and sentences per document"))
    say_lines(f"\n{_aligned([(*COLUMNS, *SENTENCE_COLUMNS), *sizes])}\n")
    say_lines(f"Vocabulary: {words:,} lower-cased words that occur {SMALLEST_COUNT} times or more in train and dev.")
    say_lines(f"\n{_aligned(_class_table(dataset))}")
    splits = {name: _told(split, dataset.labels) for name, split in dataset.splits.items()}
    conclude(dataset=dataset.name, splits=splits, vocabulary=words)


def _told(split: Split, labels: Sequence[str]) -> dict[str, object]:
    import numpy as np

    sentences = np.concatenate([window.sentences_per_document for window in split])
    counts = np.bincount(split.labels, minlength=len(labels))
    lengths = {"words": split.words_per_document, "sentences": sentences}
    return {
        "documents": len(split),
        "classes": dict(zip(labels, counts.tolist(), strict=True)),
        **{name: {"mean": np.mean(n), "median": np.median(n), "max": np.max(n)} for name, n in lengths.items()},
        "of_one_sentence": np.mean(sentences == 1),
    }


def _sizes(name: str, split: Split) -> tuple[str, ...]:
    import numpy as np

    sentences = np.concatenate([window.sentences_per_document for window in split])
    return (
        name,
        f"{len(split):,}",
        f"{len(np.unique(split.labels)):,}",
        *_mean_median_max(split.words_per_document),
        *_mean_median_max(sentences),
        f"{np.mean(sentences == 1):.1%}",
    )


def _mean_median_max(lengths: npt.NDArray[np.integer]) -> tuple[str, str, str]:
    import numpy as np

    return f"{np.mean(lengths):,.1f}", f"{np.median(lengths):,.1f}".removesuffix(".0"), f"{np.max(lengths):,}"


def _class_table(dataset: Dataset) -> list[tuple[str, ...]]:
    import numpy as np

    counts = [np.bincount(split.labels, minlength=len(dataset.labels)) for split in dataset.splits.values()]
    rows = zip(dataset.labels, *counts, strict=True)
    return [("class", *dataset.splits), *((label, *(f"{count:,}" for count in row)) for label, *row in rows)]


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    """The first column to the left, the others to the right."""
    return "\n".join(line.rstrip() for line in aligned([[visible(cell) for cell in row] for row in rows]))
