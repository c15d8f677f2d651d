"""Datasets with fewer classes made of another one's folder: some of its classes together, some left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from attnprobe.data.files.columns import WantedColumns
from attnprobe.data.files.folder import read_splits, split_files
from attnprobe.data.serrano2019.records import Record
from attnprobe.data.tokens.given_tokens import as_string


@dataclass(frozen=True)
class Reduction:
    """What becomes of the classes of another dataset.

    Attributes:
        folder: how that one's folder is called in the data folder.
        classes: by its label, the class; documents with another label are left out.
    """

    folder: str
    classes: Mapping[str, str]


def reduced_records(folder: Path, reduction: Reduction) -> Iterator[Record]:
    """The documents of a folder's splits in its order; one that is left out keeps the label that it has.

    Raises:
        InputError: a file is missing or cannot be used.
    """
    for split, documents in read_splits(split_files(folder), WantedColumns()).items():
        for code, text in zip(documents.codes.tolist(), documents.texts(), strict=True):
            label = documents.labels[code]
            yield Record(split, reduction.classes.get(label, label), as_string(text))
