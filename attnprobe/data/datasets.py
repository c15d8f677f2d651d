"""Datasets by name or folder."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from attnprobe.data.content_hashes import document_hashes, fingerprint
from attnprobe.data.docstrings.folder import docstrings_folder
from attnprobe.data.documents import Dataset, Documents
from attnprobe.data.files.columns import WantedColumns
from attnprobe.data.files.folder import is_dataset_folder, read_folder
from attnprobe.data.files.labels import sorted_labels
from attnprobe.data.files.places import listed, nearest
from attnprobe.data.files.reading import RawDocuments
from attnprobe.data.tokens.token_cache import tokenise_once
from attnprobe.errors import InputError
from attnprobe.registry import Registry

DATA_VARIABLE = "ATTNPROBE_DATA"

DATASETS: Registry[Callable[[], Path]] = Registry("dataset")
"""Names of datasets; the function makes the folder if need be and says where it is."""

DATASETS.register("docstrings", docstrings_folder)


def load_dataset(
    name_or_path: str,
    *,
    data_dir: Path | None = None,
    text_column: str | None = None,
    label_column: str | None = None,
) -> Dataset:
    """A dataset, read and tokenised.

    Args:
        name_or_path: a registered name, else a folder, else the name of a folder in ``data_dir``.
        data_dir: where datasets lie; the environment variable ``ATTNPROBE_DATA`` says so if this does not.
        text_column: the column with the text, where it is not ``tokens`` or ``text``.
        label_column: the column with the class, where it is not ``category`` or ``label``.

    Raises:
        InputError: there is no such dataset, or its files cannot be used.
    """
    location = locate(name_or_path, data_dir)
    if location in DATASETS:
        name, folder = location, DATASETS[location]()
    else:
        name, folder = Path(location).name, Path(location)
    raw = read_folder(folder, WantedColumns(label_column, text_column))
    labels = sorted_labels(raw["train"].labels)
    splits = {split: _tokenised(documents, labels, f"{name} {split}") for split, documents in raw.items()}
    return Dataset(name, labels, splits, fingerprint(raw))


def locate(name_or_path: str, data_dir: Path | None = None) -> str:
    """The registered name, or the absolute path of the folder, that a name or path stands for.

    Raises:
        InputError: there is no such dataset.
    """
    return name_or_path if name_or_path in DATASETS else str(_folder(name_or_path, data_dir).resolve())


def known_datasets(data_dir: Path | None = None) -> dict[str, str]:
    """Names of datasets, and where each comes from: ``embedded``, or its folder."""
    known = dict.fromkeys(DATASETS, "embedded")
    data_dir = _data_dir(data_dir)
    if data_dir is not None and data_dir.is_dir():
        folders = sorted(folder for folder in data_dir.iterdir() if is_dataset_folder(folder))
        known = {folder.name: str(folder) for folder in folders} | known
    return known


def _folder(name: str, data_dir: Path | None) -> Path:
    data_dir = _data_dir(data_dir)
    for folder in [Path(name)] + ([data_dir / name] if data_dir is not None else []):
        if os.path.isdir(folder):
            return folder
    known = known_datasets(data_dir)
    looked = (
        f"nor a folder in {data_dir}" if data_dir is not None else f"and {DATA_VARIABLE} names no folder to look in"
    )
    raise InputError(
        f"There is no dataset {name!r}: it is neither a known name nor a folder, {looked}; "
        f"known are {listed(known)}.{nearest(name, known)}"
    )


def _data_dir(given: Path | None) -> Path | None:
    if given is not None:
        return given
    variable = os.environ.get(DATA_VARIABLE)
    return Path(variable) if variable else None


def _tokenised(raw: RawDocuments, labels: list[str], progress_label: str) -> Documents:
    tokenised = tokenise_once(raw.texts, progress_label)
    index = {label: i for i, label in enumerate(labels)}
    return Documents(
        **tokenised._asdict(),
        labels=np.array([index[label] for label in raw.labels], dtype=np.int64),
        content_hashes=document_hashes(raw.texts),
    )
