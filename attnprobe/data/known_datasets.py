"""The datasets there are, by name: what is asked of each, and where it comes from.

No data are read here, and no more is loaded than names take: what finds and makes a dataset is imported when needed.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from attnprobe.base.registry import Registry
from attnprobe.data.files.file_names import is_dataset_folder

if TYPE_CHECKING:
    from attnprobe.data.serrano2019.recipes import Recipe

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

_HUB, _FILES = "Hugging Face hub, or your files", "your files"

OF_RECIPES = {"yahoo": _HUB, "imdb": _FILES, "amazon": _HUB, "yelp": _HUB}
"""The datasets of Serrano & Smith (2019), which a recipe makes, and where each comes from."""

REDUCED = {
    "sst2": "the treebank's files, or your folder sst5",
    "imdb2": "your folder imdb8",
    "sports2": "your folder newsgroups20",
}
"""The datasets of Jain & Wallace (2019), or stand-ins, with two classes each, likewise."""


def is_of_recipe(name: str) -> bool:
    """Whether a recipe makes the dataset of this name."""
    return name in OF_RECIPES or name in REDUCED


def _recipe(name: str) -> Recipe:
    from attnprobe.data.jain2019 import recipes as reduced
    from attnprobe.data.serrano2019 import recipes as whole

    return (whole.RECIPES | reduced.RECIPES)[name]


def _of_recipe(name: str, origin: str) -> NamedDataset:
    def locate(data_dir: Path | None) -> str:
        from attnprobe.data.serrano2019.sources import locate

        return locate(_recipe(name), data_dir)

    def folder(location: str) -> Path:
        from attnprobe.data.serrano2019.sources import splits_folder

        return splits_folder(_recipe(name), location)

    return NamedDataset(origin, locate, folder)


def _docstrings(_: str) -> Path:
    from attnprobe.data.docstrings.folder import docstrings_folder

    return docstrings_folder()


DATASETS.register("docstrings", NamedDataset("embedded", lambda _: "docstrings", _docstrings))
for _name, _origin in (OF_RECIPES | REDUCED).items():
    DATASETS.register(_name, _of_recipe(_name, _origin))


def known_datasets(data_dir: Path | None = None) -> dict[str, str]:
    """Names of datasets, and where each comes from: its folder, or what its name stands for."""
    known = {name: dataset.origin for name, dataset in DATASETS.items()}
    data_dir = data_folder(data_dir)
    if data_dir is not None and data_dir.is_dir():
        own = {name: data_dir / name for name in OF_RECIPES | REDUCED}
        known |= {name: str(folder) for name, folder in own.items() if folder.is_dir()}
        folders = sorted(folder for folder in data_dir.iterdir() if is_dataset_folder(folder))
        known = {folder.name: str(folder) for folder in folders} | known
    return known


def data_folder(given: Path | None) -> Path | None:
    """Where datasets lie: the folder that is given, else the one that the environment names, if it does."""
    if given is not None:
        return given
    variable = os.environ.get(DATA_VARIABLE)
    return Path(variable) if variable else None
