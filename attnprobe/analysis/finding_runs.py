"""Finding finished runs below folders."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from attnprobe.analysis.results import RunResults
from attnprobe.base.errors import InputError
from attnprobe.base.run_layout import CONFIG, MANIFEST, check_run_folder, is_view
from attnprobe.runs.configuration_entries import read_configuration
from attnprobe.runs.meaning_records import recorded_meaning
from attnprobe.runs.tables import metadata_of_table

TABLES = ("documents", "erasures", "items")
"""What every finished run has."""

_OF_RUNS = (MANIFEST, *(f"{name}.parquet" for name in TABLES))
"""What a run has beside its configuration, and a checkpoint in it has not."""

NAMED = 3
"""Runs that a sentence names."""


def find_runs(folders: Iterable[Path]) -> list[Path]:
    """The finished runs that these folders are or have below them: resolved, each once, in order of path.

    Raises:
        InputError: a folder is not there, or holds no finished run, or one with links in it.
    """
    found: set[Path] = set()
    for folder in folders:
        if not folder.is_dir():
            raise InputError(f"{folder} is not a folder.")
        runs = {
            config.parent.resolve()
            for config in folder.rglob("config.json")
            if _is_finished(config.parent) and (config.parent == folder or not is_view(config.parent))
        }
        if not runs:
            raise InputError(f"There is no finished run in {folder}; attnprobe run makes one.")
        found |= runs
    return sorted(found)


def runs_below(folder: Path) -> list[Path]:
    """The runs below a folder that is none itself, finished or not, in order of path; none of a run's folder."""
    if not folder.is_dir() or os.path.lexists(folder / CONFIG):
        return []
    return sorted(
        config.parent
        for config in folder.rglob(CONFIG)
        if not is_view(config.parent) and any(os.path.lexists(config.parent / name) for name in _OF_RUNS)
    )


def load_runs(folders: Iterable[Path]) -> list[RunResults]:
    """The results of ``find_runs``; their tables are read later.

    Raises:
        InputError: as ``find_runs``, or a run's file cannot be read.
    """
    return [RunResults.load(folder) for folder in find_runs(folders)]


class OfThePapers(NamedTuple):
    """Runs that the papers' claims, figures and tables are about, and a sentence on those left out; empty for none."""

    folders: list[Path]
    left_out: str


def of_the_papers(folders: Iterable[Path]) -> OfThePapers:
    """Those of these runs that renormalise and decide for classes.

    Raises:
        InputError: none does, or a run's configuration cannot be read.
    """
    found: list[Path] = []
    others: list[Path] = []
    for folder in folders:
        config = read_configuration(folder / "config.json")
        (found if recorded_meaning(config).is_default else others).append(folder)
    if not others:
        return OfThePapers(found, "")
    named = ", ".join(map(str, others[:NAMED])) + f" and {len(others) - NAMED:,} more" * (len(others) > NAMED)
    sentence = f"Runs that do not renormalise, or decide otherwise than for classes, are left out: {named}."
    if not found:
        raise InputError(f"There is no run that renormalises and decides for classes: {named} do not.")
    return OfThePapers(found, sentence)


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
