"""Finding finished runs below folders."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from attnprobe.analysis.results import RunResults
from attnprobe.base.errors import InputError
from attnprobe.base.run_layout import check_run_folder
from attnprobe.runs.tables import metadata_of_table

TABLES = ("documents", "erasures", "items")
"""What every finished run has."""


def find_runs(folders: Iterable[Path]) -> list[Path]:
    """The finished runs that these folders are or have below them: resolved, each once, in order of path.

    Raises:
        InputError: a folder is not there, or holds no finished run, or one with links in it.
    """
    found: set[Path] = set()
    for folder in folders:
        if not folder.is_dir():
            raise InputError(f"{folder} is not a folder.")
        runs = {config.parent.resolve() for config in folder.rglob("config.json") if _is_finished(config.parent)}
        if not runs:
            raise InputError(f"There is no finished run in {folder}; attnprobe run makes one.")
        found |= runs
    return sorted(found)


def load_runs(folders: Iterable[Path]) -> list[RunResults]:
    """The results of ``find_runs``; their tables are read later.

    Raises:
        InputError: as ``find_runs``, or a run's file cannot be read.
    """
    return [RunResults.load(folder) for folder in find_runs(folders)]


def _is_finished(folder: Path) -> bool:
    """Whether all tables are there and were made together.

    A table that is there but damaged counts, so that whoever reads it says so.
    """
    tables = [folder / f"{name}.parquet" for name in TABLES]
    if not all(map(os.path.lexists, tables)):
        return False
    check_run_folder(folder)
    try:
        stamps = {metadata_of_table(table).get(b"attnprobe") for table in tables}
    except InputError:
        return True
    return len(stamps) == 1
