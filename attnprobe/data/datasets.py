"""Datasets by name or folder."""

from __future__ import annotations

import os
from pathlib import Path

from attnprobe.base.bounds import LONGEST_NAME
from attnprobe.base.errors import InputError
from attnprobe.data.files.columns import WantedColumns
from attnprobe.data.files.folder import split_files
from attnprobe.data.files.places import listed, nearest
from attnprobe.data.known_datasets import DATA_VARIABLE, DATASETS, data_folder, is_of_recipe, known_datasets
from attnprobe.data.rationales import read_rationales
from attnprobe.data.serrano2019.sources import REVISION_MARK
from attnprobe.data.stored_dataset import tokenised_once
from attnprobe.data.tokenised_dataset import Dataset
from attnprobe.data.tokens.segmenters import Segmenter


def load_dataset(
    name_or_path: str,
    *,
    data_dir: Path | None = None,
    text_column: str | None = None,
    label_column: str | None = None,
    given_tokens: bool = False,
    segmenter: str | None = None,
) -> Dataset:
    """A dataset, read and tokenised.

    Args:
        name_or_path: a registered name, else a folder, else the name of a folder in ``data_dir``.
        data_dir: where datasets lie; the environment variable ``ATTNPROBE_DATA`` says so if this does not.
        text_column: the column with the text, where it is not ``tokens`` or ``text``.
        label_column: the column with the class, where it is not ``category`` or ``label``.
        given_tokens: whether texts are tokens that whitespace separates, and that are kept as they are. Where a text is
            a list of strings, these are kept in any case.
        segmenter: the function that finds the words, ``PACKAGE:FUNCTION``. It is imported where it is needed and the
            user has named it.

    Raises:
        InputError: there is no such dataset, or its files or the segmenter cannot be used.
    """
    name, folder = _name_and_folder(locate(name_or_path, data_dir))
    wanted = WantedColumns(label_column, text_column, given_tokens)
    files = split_files(folder)
    found = None if segmenter is None else Segmenter.found(segmenter)
    stored = tokenised_once(files, wanted, name, found)
    rationales = read_rationales(files["test"].first, wanted, files["test"].further)
    return Dataset(name, *stored, rationales=rationales, segmenter=found)


def locate(name_or_path: str, data_dir: Path | None = None) -> str:
    """What a name or path stands for, such that it finds the same data again without the data folder.

    Returns:
        a registered name, one with what it is made of (``yelp@c1f9…``, ``sst2@/data/sst5``), or the absolute path of a
        folder. What is returned here stands for itself.

    Raises:
        InputError: there is no such dataset, or it cannot be had.
    """
    if not name_or_path.strip():  # as a path it would be this folder
        raise InputError("The name of the dataset is empty.")
    if len(name_or_path) > LONGEST_NAME:
        raise InputError(
            f"The name of the dataset has {len(name_or_path):,} characters, and may have {LONGEST_NAME:,} at most."
        )
    if name_or_path in DATASETS:
        return DATASETS[name_or_path].locate(data_folder(data_dir))
    if is_of_recipe(name_or_path.partition(REVISION_MARK)[0]):
        return name_or_path
    folder = Path(os.path.abspath(_folder(name_or_path, data_dir)))
    # A link may bear the name that says how its files are read.
    return str(folder if is_of_recipe(folder.name) else folder.resolve())


def _name_and_folder(location: str) -> tuple[str, Path]:
    path = Path(location)
    if path.is_absolute():
        return path.name, DATASETS[path.name].folder(location) if is_of_recipe(path.name) else path
    name = location.partition(REVISION_MARK)[0]
    return name, DATASETS[name].folder(location)


def _folder(name: str, data_dir: Path | None) -> Path:
    data_dir = data_folder(data_dir)
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
