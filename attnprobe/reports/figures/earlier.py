"""Figures that were drawn earlier of the same data by the same code, and need not be drawn again.

A run's ``drawn.json`` says of each figure what it was made from and what its files hold, as hashes with a key of this
user: of a folder that comes from somebody else nothing is believed, and its figures are drawn anew.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import secrets
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import matplotlib as mpl

import attnprobe
from attnprobe.analysis.results import RunResults
from attnprobe.base.atomic_files import replacing
from attnprobe.base.bounds import MOST_JSON_BYTES
from attnprobe.base.errors import InputError
from attnprobe.base.own_files import open_own
from attnprobe.base.plain_files import read_plain, read_text
from attnprobe.data.cache_folder import cache_folder
from attnprobe.runs.run_folder import FURTHER_TABLES, TABLES

_LIBRARIES = ("matplotlib", "numpy", "pandas", "scipy", "pyarrow", "fonttools", "pillow")
_OF_SUMMARY = ("classes", "labels", "readout_bias")
"""What statistics read of a run's summary; the rest of it is made of them."""

_KEY, _KEY_BYTES = "figures.key", 32
_BLOCK_BYTES = 1 << 20


class EarlierFigures:
    """What is known of the figures of a run's folder.

    Args:
        results: of the run.
        record: the file that says it.
    """

    def __init__(self, results: RunResults, record: Path) -> None:
        self._results, self._path = results, record
        self._before = _read(record)
        self._now: dict[str, Any] = {}

    def files(self, name: str, draw: Callable[..., object], reads: Iterable[str], folder: Path) -> list[Path] | None:
        """The files of a figure, where it was drawn of what is there now, and they are what was written then.

        None where it is to be drawn. Of a figure that shows nothing there are none.

        Args:
            name: of the figure.
            draw: what draws it; what other packages draw is drawn each time.
            reads: the run's tables that it is made from.
            folder: of the files.
        """
        entry = self._before.get(name)
        if not _is_own(draw) or not isinstance(entry, dict) or entry.get("made_from") != self._made_from(name, reads):
            return None
        files = entry.get("files")
        if not isinstance(files, dict):
            return None
        for file, expected in files.items():
            if Path(file).name != file or self._hash_of_file(folder / file) != expected:
                return None
        self._now[name] = entry
        return [folder / file for file in files]

    def note(self, name: str, draw: Callable[..., object], reads: Iterable[str], files: Iterable[Path]) -> None:
        """Remember a figure that has been drawn."""
        if _is_own(draw):
            written = {file.name: self._hash_of_file(file) for file in files}
            self._now[name] = {"made_from": self._made_from(name, reads), "files": written}

    def write(self) -> None:
        """Write down what is known now."""
        if self._now != self._before:
            with replacing(self._path) as temporary:
                temporary.write_text(json.dumps(self._now, indent=1) + "\n", encoding="utf-8")

    def _made_from(self, name: str, reads: Iterable[str]) -> str:
        tables = {table: self._hashes_of_tables[table] for table in reads}
        return _hashed(json.dumps([name, self._common, tables], sort_keys=True).encode())

    @cached_property
    def _common(self) -> Any:  # noqa: ANN401
        """What all figures are made from beside the tables, as JSON has it."""
        results = self._results
        try:
            summary = json.loads(read_text(results.folder / "summary.json", MOST_JSON_BYTES))
        except (OSError, ValueError, RecursionError, InputError):
            summary = {}
        told = {name: summary.get(name) for name in _OF_SUMMARY} if isinstance(summary, dict) else {}
        chosen = None if results.chosen is None else _hashed(results.chosen.tobytes())
        return [_made_by(), results.config, told, results.total, results.quarantined, chosen, results.released]

    @cached_property
    def _hashes_of_tables(self) -> Mapping[str, str | None]:
        folder = self._results.folder
        return {name: self._hash_of_file(folder / f"{name}.parquet") for name in (*TABLES, *FURTHER_TABLES)}

    @staticmethod
    def _hash_of_file(path: Path) -> str | None:
        """Of a plain file's content, read a part at a time; None where there is none."""
        try:
            digest = hashlib.blake2b(key=_key(), digest_size=32)
            with os.fdopen(open_own(path, os.O_RDONLY), "rb", buffering=0) as file:
                while block := file.read(_BLOCK_BYTES):
                    digest.update(block)
            return digest.hexdigest()
        except FileNotFoundError:
            return None


def _is_own(draw: Callable[..., object]) -> bool:
    return draw.__module__.startswith(f"{attnprobe.__name__}.")


def _read(record: Path) -> dict[str, Any]:
    try:
        with os.fdopen(open_own(record, os.O_RDONLY), "rb") as file:
            content = json.loads(file.read(MOST_JSON_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _hashed(content: bytes) -> str:
    return hashlib.blake2b(content, key=_key(), digest_size=32).hexdigest()


@lru_cache(maxsize=1)
def _key() -> bytes:
    """This user's key, which is made where there is none; another one each time where it cannot be kept."""
    try:
        path = cache_folder() / _KEY
        if not path.exists():
            with replacing(path) as temporary:
                temporary.touch(mode=0o600)
                temporary.write_bytes(secrets.token_bytes(_KEY_BYTES))
        found = read_plain(path, _KEY_BYTES)
    except (OSError, InputError):
        found = b""
    return found if len(found) == _KEY_BYTES else secrets.token_bytes(_KEY_BYTES)


@lru_cache(maxsize=1)
def _made_by() -> list[Any]:
    """What draws: this package's code, the libraries it draws with, and how matplotlib is set."""
    package = Path(attnprobe.__file__).parent
    digest = hashlib.blake2b(digest_size=32)
    for path in sorted(package.rglob("*.py")):
        digest.update(f"{path.relative_to(package)}\0".encode() + path.read_bytes())
    versions = {name: importlib.metadata.version(name) for name in _LIBRARIES}
    settings = {name: repr(mpl.rcParams[name]) for name in mpl.rcParams if "backend" not in name}
    return [digest.hexdigest(), versions, settings]
