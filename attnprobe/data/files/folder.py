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
from attnprobe.data.files.file_names import FORMATS, SplitPaths, candidates, missing_parts
from attnprobe.data.files.places import listed, place, quoted
from attnprobe.data.files.reading import LabelledFile, read_labels
from attnprobe.data.tokens.given_tokens import Text
from attnprobe.data.tokens.segmenters import Segmenter

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

    def texts(self, segmenter: Segmenter | None = None) -> Iterator[Text]:
        """The texts, read one after another, and their words where a segmenter finds them.

        Raises:
            InputError: as :meth:`LabelledFile.texts`.
        """
        return self.file.texts(self.chosen, segmenter)


def split_files(folder: Path) -> dict[str, SplitPaths]:
    """The files of a folder's splits: ``train``, perhaps ``dev`` (or ``validation``, ``valid``, ``val``), and ``test``.

    Each is one file; or several parts, ``train-00000-of-00002.parquet`` and so on; or a folder that ``save_to_disk`` of
    the library ``datasets`` has written. They lie in the folder, or in a folder ``data`` in it.

    Raises:
        InputError: a file is missing, or is there twice.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: there is no such folder.")
    files = {split: _files_of(folder, split) for split in SPLITS}
    for split in ("train", "test"):
        if files[split] is None:
            names = " or ".join(f"{split}{suffix}" for suffix in FORMATS)
            raise InputError(f"{folder}: there is no file {names}.")
    return {split: paths for split, paths in files.items() if paths is not None}


def read_splits(files: Mapping[str, SplitPaths], wanted: WantedColumns) -> dict[str, RawSplit]:
    """The splits ``train``, ``dev`` and ``test`` of files that ``split_files`` found.

    Where there is no file for ``dev``, a stratified tenth of ``train`` is split off, the same one always.

    Raises:
        InputError: a file cannot be used, or the splits' labels do not agree.
    """
    read = {split: read_labels(paths.first, wanted, paths.further) for split, paths in files.items()}
    _check_labels(read)
    raw = {split: RawSplit(file) for split, file in read.items()}
    if "dev" not in raw:
        raw |= _with_development_set(read["train"])
    return {split: raw[split] for split in SPLITS}


def _files_of(folder: Path, split: str) -> SplitPaths | None:
    found = candidates(folder, split)
    if len(found) > 1:
        raise InputError(f"{folder}: the files {listed(found)} are the same split; leave one of them.")
    for name, paths in found.items():
        if not paths:
            raise InputError(f"{folder}: there is no Arrow file in the folder {name} of a saved dataset.")
        for missing in missing_parts(paths):
            raise InputError(f"{paths[0].parent}: the split {split} is in parts, of which {missing} is missing.")
        return SplitPaths(paths[0], tuple(paths[1:]))
    return None


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
        where = zip(file.first_rows, file.labels, strict=True)
        unknown = [(path, row, label) for (path, row), label in where if label not in known]
        if unknown:
            path, row, label = min(unknown)
            raise InputError(
                f"{place(path, row, file.columns.label)}: the label {quoted(label)} "
                f"does not occur in {train.path.name}."
            )


def _with_development_set(train: LabelledFile) -> dict[str, RawSplit]:
    development = development_documents(train.labels, train.codes)
    if not development.any():
        raise InputError(f"{train.path}: too few documents to split a development set off; give a dev file.")
    return {"train": RawSplit(train, ~development), "dev": RawSplit(train, development)}
