"""A folder of files: the three splits of a dataset, and what must hold between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from attnprobe.base.errors import InputError
from attnprobe.data.files.columns import Columns, WantedColumns
from attnprobe.data.files.development_split import development_documents
from attnprobe.data.files.file_names import FORMATS, SUFFIXES
from attnprobe.data.files.places import listed, place, quoted
from attnprobe.data.files.reading import LabelledFile, read_labels
from attnprobe.data.tokens.given_tokens import Text

SPLITS = ("train", "dev", "test")


@dataclass(frozen=True)
class RawSplit:
    """One split before tokenisation: documents of a file, in its order; their texts are read when they are needed.

    Attributes:
        file: that they are in.
        chosen: which of the file's documents they are (documents of the file,); None for all.
    """

    file: LabelledFile
    chosen: npt.NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.file) if self.chosen is None else int(np.count_nonzero(self.chosen))

    @property
    def columns(self) -> Columns:
        """Where label and text stand."""
        return self.file.columns

    @property
    def labels(self) -> list[str]:
        """The distinct labels of the file."""
        return self.file.labels

    @property
    def codes(self) -> npt.NDArray[np.int32]:
        """int32 (documents,), indices into ``labels``."""
        return self.file.codes if self.chosen is None else self.file.codes[self.chosen]

    def texts(self) -> Iterator[Text]:
        """The texts, read one after another.

        Raises:
            InputError: the file cannot be read again, or is another one by now.
        """
        return self.file.texts(self.chosen)


def split_files(folder: Path) -> dict[str, Path]:
    """The files of a folder's splits: ``train``, perhaps ``dev``, and ``test``.

    Raises:
        InputError: a file is missing, or is there twice.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: there is no such folder.")
    files = {split: _file_of(folder, split) for split in SPLITS}
    for split in ("train", "test"):
        if files[split] is None:
            names = " or ".join(f"{split}{suffix}" for suffix in FORMATS)
            raise InputError(f"{folder}: there is no file {names}.")
    return {split: path for split, path in files.items() if path is not None}


def read_splits(files: Mapping[str, Path], wanted: WantedColumns) -> dict[str, RawSplit]:
    """The splits ``train``, ``dev`` and ``test`` of files that ``split_files`` found.

    Where there is no file for ``dev``, a stratified tenth of ``train`` is split off, the same one always.

    Raises:
        InputError: a file cannot be used, or the splits' labels do not agree.
    """
    read = {split: read_labels(path, wanted) for split, path in files.items()}
    _check_labels(read)
    raw = {split: RawSplit(file) for split, file in read.items()}
    if "dev" not in raw:
        raw |= _with_development_set(read["train"])
    return {split: raw[split] for split in SPLITS}


def _file_of(folder: Path, split: str) -> Path | None:
    paths = [path for suffix in SUFFIXES if (path := folder / f"{split}{suffix}").exists()]
    if len(paths) > 1:
        raise InputError(f"{folder}: the files {listed(p.name for p in paths)} are the same split; leave one of them.")
    return paths[0] if paths else None


def _check_labels(read: Mapping[str, LabelledFile]) -> None:
    train = read["train"]
    if len(train.labels) == 1:
        raise InputError(
            f"{place(train.path, column=train.columns.label)}: every document has the label "
            f"{quoted(train.labels[0])}; a classifier needs two classes at least."
        )
    known = set(train.labels)
    for split in ("dev", "test"):
        if split not in read:
            continue
        file = read[split]
        unknown = [(row, label) for row, label in zip(file.first_rows, file.labels, strict=True) if label not in known]
        if unknown:
            row, label = min(unknown)
            raise InputError(
                f"{place(file.path, row, file.columns.label)}: the label {quoted(label)} "
                f"does not occur in {train.path.name}."
            )


def _with_development_set(train: LabelledFile) -> dict[str, RawSplit]:
    development = development_documents(train.labels, train.codes)
    if not development.any():
        raise InputError(f"{train.path}: too few documents to split a development set off; give a dev file.")
    return {"train": RawSplit(train, ~development), "dev": RawSplit(train, development)}
