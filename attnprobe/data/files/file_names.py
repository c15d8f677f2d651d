"""How the files of a dataset are named, and which of them are a split."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

TSV, CSV, JSONL, JSON, PARQUET = FORMATS = (".tsv", ".csv", ".jsonl", ".json", ".parquet")
"""How names of files end, before what says that they are compressed."""

ARROW = ".arrow"
"""The same of what ``datasets.Dataset.save_to_disk`` writes into a folder a split."""

COMPRESSIONS = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd"}
"""What the end of a file's name says of its compression; Parquet has its own within."""

SUFFIXES = (*FORMATS, *(f"{suffix}{packed}" for suffix in FORMATS if suffix != PARQUET for packed in COMPRESSIONS))
"""How names of files may end."""

SAVED = "dataset_info.json"
"""What lies beside the files of a split that ``save_to_disk`` has written."""

NAMES = {"train": ("train",), "dev": ("dev", "validation", "valid", "val"), "test": ("test",)}
"""What the files of each split may be called."""

_FOLDERS = ("", "data")
"""Where in a dataset's folder they may lie: repositories of the Hugging Face hub have a folder for them."""

_PART = re.compile(r"-(\d{5,6})-of-(\d{5,6})$")
"""How the name of a file ends that holds a part of a split, before the suffix."""


class SplitPaths(NamedTuple):
    """Files that are a split: one, or several parts of it in order.

    Attributes:
        first: the first, or only one.
        further: the others.
    """

    first: Path
    further: tuple[Path, ...] = ()

    @property
    def all(self) -> tuple[Path, ...]:
        """Every one, in order."""
        return (self.first, *self.further)


def candidates(folder: Path, split: str) -> dict[str, list[Path]]:
    """By name all files of a folder that may be a split: the parts of one together, in order of their names."""
    found: dict[str, list[Path]] = {}
    for place in _FOLDERS:
        for name in NAMES[split]:
            for suffix in SUFFIXES:
                if (path := folder / place / f"{name}{suffix}").exists():
                    found[path.name] = [path]
            saved = folder / place / name
            if (saved / SAVED).is_file():
                found[f"{name}/"] = sorted(saved.glob(f"*{ARROW}"))
            for path in sorted((folder / place).glob(f"{name}-*-of-*")):
                stem, suffix = stem_and_suffix(path)
                if suffix and _PART.sub("", stem) == name and stem != name:
                    found.setdefault(f"{name}-…{suffix}", []).append(path)
        if found:
            break
    return found


def missing_parts(paths: list[Path]) -> Iterator[str]:
    """The names of parts of a split that are not there, though others say that they are."""
    for path in paths:
        stem, suffix = stem_and_suffix(path)
        part = _PART.search(stem)
        if part is None:
            continue
        there = {each.name for each in paths}
        names = (f"{stem[: part.start()]}-{n:0{len(part[1])}}-of-{part[2]}{suffix}" for n in range(int(part[2])))
        yield from (name for name in names if name not in there)
        return


def stem_and_suffix(path: Path) -> tuple[str, str]:
    """A file's name before and from where it says what format it is in; empty where it does not."""
    for suffix in (*SUFFIXES[::-1], ARROW):
        if path.name.endswith(suffix):
            return path.name.removesuffix(suffix), suffix
    return path.name, ""


def beside(path: Path) -> tuple[Path, str]:
    """The folder in which what belongs to a split lies beside its first file, and how its name begins."""
    stem, suffix = stem_and_suffix(path)
    return (path.parent.parent, path.parent.name) if suffix == ARROW else (path.parent, _PART.sub("", stem))


def is_dataset_folder(folder: Path) -> bool:
    """Whether a folder holds a training file."""
    return any(path.is_file() for paths in candidates(folder, "train").values() for path in paths)
