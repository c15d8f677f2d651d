"""Datasets by name or folder."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from attnprobe.base.bounds import LONGEST_NAME
from attnprobe.base.errors import InputError
from attnprobe.base.registry import Registry
from attnprobe.data.docstrings.folder import docstrings_folder
from attnprobe.data.files.columns import WantedColumns
from attnprobe.data.files.folder import is_dataset_folder, split_files
from attnprobe.data.files.places import listed, nearest
from attnprobe.data.serrano2019.recipes import RECIPES
from attnprobe.data.serrano2019.sources import REVISION_MARK, splits_folder
from attnprobe.data.serrano2019.sources import locate as locate_recipe
from attnprobe.data.stored_dataset import tokenised_once
from attnprobe.data.tokenised_dataset import Dataset

DATA_VARIABLE = "ATTNPROBE_DATA"

LONGEST_ORIGIN = 200
"""Characters of what lists say of where a dataset comes from."""


@dataclass(frozen=True)
class NamedDataset:
    """How a dataset that is known by its name is found.

    Attributes:
        origin: where it comes from, for `attnprobe list`.
        locate: given the data folder, if there is one, where the data are: words that find the same data again
            wherever they are said, and without the data folder.
        folder: given these words, a folder with a file for each split, made if need be.
    """

    origin: str
    locate: Callable[[Path | None], str]
    folder: Callable[[str], Path]


def _fault(entry: object) -> str | None:
    if not isinstance(entry, NamedDataset):
        return f"it is no attnprobe.NamedDataset, but of the type {type(entry).__name__}"
    if not isinstance(entry.origin, str) or not 0 < len(entry.origin) <= LONGEST_ORIGIN:
        return f"its origin is no text of 1 to {LONGEST_ORIGIN} characters"
    return None if callable(entry.locate) and callable(entry.folder) else "its locate and folder are no functions"


DATASETS: Registry[NamedDataset] = Registry("dataset", "attnprobe.datasets", _fault)
"""By name; packages offer others in this entry-point group."""

DATASETS.register("docstrings", NamedDataset("embedded", lambda _: "docstrings", lambda _: docstrings_folder()))
for _recipe in RECIPES.values():
    _origin = "Hugging Face hub, or your files" if _recipe.hub is not None else "your files"
    DATASETS.register(
        _recipe.name, NamedDataset(_origin, partial(locate_recipe, _recipe), partial(splits_folder, _recipe))
    )


def load_dataset(
    name_or_path: str,
    *,
    data_dir: Path | None = None,
    text_column: str | None = None,
    label_column: str | None = None,
    given_tokens: bool = False,
) -> Dataset:
    """A dataset, read and tokenised.

    Args:
        name_or_path: a registered name, else a folder, else the name of a folder in ``data_dir``.
        data_dir: where datasets lie; the environment variable ``ATTNPROBE_DATA`` says so if this does not.
        text_column: the column with the text, where it is not ``tokens`` or ``text``.
        label_column: the column with the class, where it is not ``category`` or ``label``.
        given_tokens: whether texts are tokens that whitespace separates, and that are kept as they are. Where a text is
            a list of strings, these are kept in any case.

    Raises:
        InputError: there is no such dataset, or its files cannot be used.
    """
    name, folder = _name_and_folder(locate(name_or_path, data_dir))
    wanted = WantedColumns(label_column, text_column, given_tokens)
    return Dataset(name, *tokenised_once(split_files(folder), wanted, name))


def locate(name_or_path: str, data_dir: Path | None = None) -> str:
    """What a name or path stands for, such that it finds the same data again without the data folder.

    Returns:
        a registered name, a registered name with a revision of the hub (``yelp@c1f9…``), or the absolute path of a
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
        return DATASETS[name_or_path].locate(_data_dir(data_dir))
    if name_or_path.partition(REVISION_MARK)[0] in RECIPES:
        return name_or_path
    folder = Path(os.path.abspath(_folder(name_or_path, data_dir)))
    # A link may bear the name that says how its files are read.
    return str(folder if folder.name in RECIPES else folder.resolve())


def known_datasets(data_dir: Path | None = None) -> dict[str, str]:
    """Names of datasets, and where each comes from: its folder, or what its name stands for."""
    known = {name: dataset.origin for name, dataset in DATASETS.items()}
    data_dir = _data_dir(data_dir)
    if data_dir is not None and data_dir.is_dir():
        own = {name: data_dir / name for name in RECIPES}
        known |= {name: str(folder) for name, folder in own.items() if folder.is_dir()}
        folders = sorted(folder for folder in data_dir.iterdir() if is_dataset_folder(folder))
        known = {folder.name: str(folder) for folder in folders} | known
    return known


def _name_and_folder(location: str) -> tuple[str, Path]:
    path = Path(location)
    if path.is_absolute():
        return path.name, splits_folder(RECIPES[path.name], location) if path.name in RECIPES else path
    name = location.partition(REVISION_MARK)[0]
    return name, DATASETS[name].folder(location)


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
