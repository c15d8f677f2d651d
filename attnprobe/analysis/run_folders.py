"""Finding finished runs below folders."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from attnprobe.analysis.results import NEEDED, RunResults
from attnprobe.errors import InputError


def load_runs(folders: Iterable[Path]) -> list[RunResults]:
    """All probed runs that these folders are or hold, each once, in order of path.

    Raises:
        InputError: a folder does not exist or holds no probed run, or a run's file cannot be read.
    """
    found: dict[Path, RunResults] = {}
    for folder in folders:
        if not folder.is_dir():
            raise InputError(f"{folder}: there is no such folder.")
        paths = [config.parent for config in sorted(folder.rglob("config.json")) if _is_probed(config.parent)]
        if not paths:
            raise InputError(f"{folder}: there is no probed run in it; attnprobe run makes one.")
        found |= {path.resolve(): RunResults.load(path) for path in paths}
    return list(found.values())


def _is_probed(folder: Path) -> bool:
    return all((folder / f"{table}.parquet").is_file() for table in NEEDED)
