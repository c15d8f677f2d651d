"""A folder of files: the three splits of a dataset, and what must hold between them."""

from __future__ import annotations

from pathlib import Path

from attnprobe.data.files.columns import WantedColumns
from attnprobe.data.files.development_split import split_development
from attnprobe.data.files.places import listed, place, quoted
from attnprobe.data.files.reading import FORMATS, RawDocuments, read_documents
from attnprobe.errors import InputError

SPLITS = ("train", "dev", "test")


def read_folder(folder: Path, wanted: WantedColumns) -> dict[str, RawDocuments]:
    """The splits ``train``, ``dev`` and ``test`` of a folder with a file for each.

    Where there is no file for ``dev``, a stratified tenth of ``train`` is split off, the same one always.

    Raises:
        InputError: a file is missing, is there twice, or cannot be used; or the splits' labels do not agree.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: there is no such folder.")
    files = {split: _file_of(folder, split) for split in SPLITS}
    for split in ("train", "test"):
        if files[split] is None:
            names = " or ".join(f"{split}{suffix}" for suffix in FORMATS)
            raise InputError(f"{folder}: there is no file {names}.")
    raw = {split: read_documents(path, wanted) for split, path in files.items() if path is not None}
    _check_labels(raw)
    if "dev" not in raw:
        raw |= _with_development_set(raw["train"])
    return {split: raw[split] for split in SPLITS}


def is_dataset_folder(folder: Path) -> bool:
    """Whether a folder holds a training file."""
    return any((folder / f"train{suffix}").is_file() for suffix in FORMATS)


def _file_of(folder: Path, split: str) -> Path | None:
    paths = [path for suffix in FORMATS if (path := folder / f"{split}{suffix}").exists()]
    if len(paths) > 1:
        raise InputError(f"{folder}: the files {listed(p.name for p in paths)} are the same split; leave one of them.")
    return paths[0] if paths else None


def _check_labels(raw: dict[str, RawDocuments]) -> None:
    train = raw["train"]
    known = set(train.labels)
    if len(known) == 1:
        raise InputError(
            f"{place(train.path, column=train.columns.label)}: every document has the label "
            f"{quoted(train.labels[0])}; a classifier needs two classes at least."
        )
    for split in ("dev", "test"):
        documents = raw.get(split)
        if documents is None:
            continue
        for row, label in zip(documents.rows, documents.labels, strict=True):
            if label not in known:
                raise InputError(
                    f"{place(documents.path, row, documents.columns.label)}: the label {quoted(label)} "
                    f"does not occur in {train.path.name}."
                )


def _with_development_set(train: RawDocuments) -> dict[str, RawDocuments]:
    training, development = split_development(train.labels)
    if not development:
        raise InputError(f"{train.path}: too few documents to split a development set off; give a dev file.")
    return {"train": train.take(training), "dev": train.take(development)}
