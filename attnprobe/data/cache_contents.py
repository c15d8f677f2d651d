"""What lies in the cache folder: how large, made by what, and which of it attnprobe may remove.

What may be removed is known by its name and by the names of all that is in it. A link is never followed: what is one,
or holds one, stays, and so does whatever attnprobe did not write.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from attnprobe.base.atomic_files import remove_leftovers
from attnprobe.data.known_datasets import OF_RECIPES, REDUCED

TOKENISED = "tokenised"
"""The folder of datasets whose words have been found."""

_BY = {
    re.compile("docstrings-[0-9a-f]{16}"): "docstrings of the packages installed",
    re.compile(f"({'|'.join({**OF_RECIPES, **REDUCED})})-[0-9a-f]{{16}}"): "datasets of the papers, split",
    re.compile(r"figures\.key"): "the key by which figures are known that need not be drawn again",
}
_OF_TOKENISED = re.compile("[0-9a-f]{32}")
_FILE = re.compile(r"[a-z_0-9-]+\.(npy|arrow|json|tsv|parquet)|SOURCE\.md")
_BY_TOKENISED = "datasets whose words have been found"
FOREIGN = "not attnprobe's: left as it is"


class Cached(NamedTuple):
    """One thing in the cache folder.

    Attributes:
        path: of it.
        by: what made it, in words.
        size: in bytes, of all files in it.
        own: whether attnprobe wrote all of it, so that it may be removed.
    """

    path: Path
    by: str
    size: int
    own: bool


def cached(folder: Path) -> list[Cached]:
    """What lies there, in order of name; nothing where there is no such folder."""
    return [_looked_at(path, by) for path, by in _entries(folder)]


def remove_cached(folder: Path, seen: Collection[Cached]) -> list[Cached]:
    """Remove what was seen and is attnprobe's own still, and what killed processes left; returns what was removed.

    Args:
        folder: the cache.
        seen: what of it may be removed; what came to it since stays.
    """
    removed, paths = [], {each.path for each in seen}
    for each in cached(folder):
        if each.own and each.path in paths:
            if _kind(each.path) == stat.S_IFDIR:
                shutil.rmtree(each.path)  # which follows no link
            else:
                each.path.unlink()
            removed.append(each)
    if folder.is_dir():
        remove_leftovers(folder)
    return removed


def _entries(folder: Path) -> Iterator[tuple[Path, str | None]]:
    """Paths, and by what they were made; None where attnprobe makes none of such a name."""
    for path in _inside(folder):
        if path.name == TOKENISED and _kind(path) == stat.S_IFDIR:
            for below in _inside(path):
                yield below, _BY_TOKENISED if _OF_TOKENISED.fullmatch(below.name) else None
        else:
            yield path, next((by for pattern, by in _BY.items() if pattern.fullmatch(path.name)), None)


def _inside(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _looked_at(path: Path, by: str | None) -> Cached:
    own, size = by is not None, 0
    for below in _all_of(path):
        kind = _kind(below)
        size += os.lstat(below).st_size * (kind == stat.S_IFREG)
        of_name = below == path or kind == stat.S_IFDIR or _FILE.fullmatch(below.name) is not None
        own = own and of_name and kind in (stat.S_IFREG, stat.S_IFDIR)
    return Cached(path, by if by is not None and own else FOREIGN, size, own)


def _all_of(path: Path) -> Iterator[Path]:
    yield path
    if _kind(path) == stat.S_IFDIR:
        for place, folders, files in os.walk(path):  # which follows no link
            yield from (Path(place, name) for name in (*folders, *files))


def _kind(path: Path) -> int:
    return stat.S_IFMT(os.lstat(path).st_mode)
