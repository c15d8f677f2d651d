"""What lies in a run's folder by name, the check that it is what it should be, and the manifest of what was written.

A run's folder may come from anyone. The folder that the user names may be reached through links; what lies inside is
plain files in plain folders, or the whole is refused. What ``--force`` may remove is what the manifest names: attnprobe
enters there each file before it writes it.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Any

from attnprobe.base.bounds import MOST_JSON_BYTES, MOST_MANIFEST_BYTES
from attnprobe.base.errors import InputError
from attnprobe.base.own_files import FILE, FOLDER, folders_between, kind_of, open_own, require_kind

MANIFEST = "manifest.jsonl"
"""One file a line, as a JSON string: its path in the run's folder."""

CONFIG = "config.json"
PAGE = "report.html"
DRAWN = "drawn.json"
"""What the figures were made from."""

MODEL, TABLES, FIGURES = "model", "tables", "figures"
SHARDS, IDENTIFICATION = "shards", "identification-state"

ALL_LAYERS = "all"
"""The layers of the view that a run of a checkpoint has unless told otherwise."""

UNFINISHED = (SHARDS, IDENTIFICATION)
"""Folders of results that are to be put together."""

FOLDERS = (MODEL, TABLES, FIGURES, *UNFINISHED)
"""Everything in them is plain, too."""

RESULTS = (
    *("model.safetensors", "training-state.safetensors", "identification-state.jsonl", "training.csv"),
    "validation-states.safetensors",
    "training-vectors.safetensors",
    "sinks.json",
    *("vocabulary.txt", "summary.json", PAGE, "methods.txt", DRAWN),
    *("documents.parquet", "erasures.parquet", "items.parquet", "curves.parquet", "rationales.parquet"),
    "target_curves.parquet",
    *("heads.parquet", "head_effects.parquet", "attention_maps.parquet", "attention_tokens.parquet"),
    *("identifiability.parquet", "weight_ranges.parquet"),
)
"""Files that a run makes, beside its configuration."""

LOGS = ("execution.jsonl", "run.log")
"""Files that tell of past work, also of that which is thrown away."""

FILES = (CONFIG, MANIFEST, *RESULTS, *LOGS, "run.lock*")
"""Names, and patterns of names, of all files that are opened."""

_OLDER = {
    MODEL: ("*.json", "*.safetensors", "*.txt", "*.model", "*.jinja"),
    TABLES: (
        *("flips_2x2.*", "first_flips.*", "first_flips_where_they_flip.*", "who_flips_first.*", "delta_js.*"),
        *("heads.*", "head_identifiability.*", "nullity_by_length.*", "surviving_conclusions.*"),
        *("item_outcomes.*", "first_flip_ranges.*"),
    ),
    FIGURES: (
        *("delta_js.*", "negative_delta_js.*", "fraction_removed.*", "flip_curves.*", "head_map.*"),
        *("nullity_by_length.*", "weight_ranges.*", "erasure_outcomes.*"),
    ),
}
"""What runs have in their folders that were made before there was a manifest."""

_SUFFIXES = {TABLES: (".csv", ".tex"), FIGURES: (".png", ".pdf")}
_OF_A_CHECKPOINT = "attnprobe.json"
_OF_UNFINISHED = re.compile(
    r"\d{6,}-\d{6,}(\.\d+(\.\d+-\d+)?)?\.(documents|erasures|items|curves|target_curves|rationales)\.parquet"
    r"|\d{6,}-\d{6,}\.\d+-\d+\.lengths\.json"
    r"|(heads|head-effects|nullity|programs)-\d{8,}-\d+\.parquet"
    r"|under-way(-heads|-\d+-of-\d+)?\.txt"
)


def view_folder(layers: str) -> str:
    """What the folder of a view is called, in the run's: of a further selection of layers, which is a probe of its own.

    >>> view_folder("all"), view_folder("encoder:2-4")
    ('all-layers', 'layers-encoder-2-4')
    """
    return "all-layers" if layers == ALL_LAYERS else f"layers-{layers.replace(':', '-')}"


def is_view(folder: Path) -> bool:
    """Whether a run's folder is a view's: it lies in the folder of a run."""
    return kind_of(folder.parent / CONFIG) is not None


def check_run_folder(folder: Path, within: Path | None = None) -> None:
    """See to it that nothing that is opened in a run's folder leads out of it, or waits for ever.

    Args:
        folder: the run's.
        within: the folder that the user named, if it is one above; it may be reached through links.

    Raises:
        InputError: something is a link, a pipe or a device, or a file where a folder is to be, or the reverse.
    """
    for part in folders_between(folder, within or folder):
        require_kind(part, FOLDER)
    for name in _names(folder):
        if name in FOLDERS:
            require_kind(folder / name, FOLDER)
            _check_plain(folder / name)
        elif any(fnmatch(name, pattern) for pattern in FILES):
            require_kind(folder / name, FILE)


def begin_manifest(folder: Path) -> None:
    """Have a manifest in a run's folder, which is ours.

    In the folder of a run that was made before there was one, it names the files that such a run has.

    Raises:
        InputError: it is no file.
        OSError: it cannot be written.
    """
    if require_kind(folder / MANIFEST, FILE):
        return
    if kind_of(folder / CONFIG) is None:
        _write_manifest(folder, [])
    elif _is_own_configuration(folder / CONFIG):
        _write_manifest(folder, _files_of_older_run(folder))


def note_written(path: Path) -> None:
    """Enter a file in the manifest of the run's folder that it lies in, if it lies in one.

    Raises:
        InputError: the manifest is a link or no file.
        OSError: it cannot be written.
    """
    for folder, name in ((path.parent, path.name), (path.parent.parent, f"{path.parent.name}/{path.name}")):
        if _belongs(name) and kind_of(folder / MANIFEST) == FILE:
            descriptor = open_own(folder / MANIFEST, os.O_RDWR | os.O_APPEND)
            with os.fdopen(descriptor, "r+b") as file:
                content = file.read(MOST_MANIFEST_BYTES)
                if name not in _entries(content):
                    # What a process was killed at is no entry, and must not become one.
                    file.write(b"\n" * (content[-1:] not in (b"", b"\n")) + json.dumps(name).encode() + b"\n")
            return


def clear_run_folder(folder: Path) -> None:
    """Remove what attnprobe wrote, but for logs.

    Raises:
        InputError: something is a link, or something that a run would take for its own is not from attnprobe.
        OSError: something cannot be removed.
    """
    check_run_folder(folder)
    begin_manifest(folder)
    if kind_of(folder / MANIFEST) is None:
        raise InputError(
            f"{folder / CONFIG} is not from attnprobe, so --force removes nothing there; give another --out."
        )
    with open(open_own(folder / MANIFEST, os.O_RDONLY), "rb") as file:
        written = _entries(file.read(MOST_MANIFEST_BYTES))
    for name in written:
        if kind_of(folder / name) == FILE and name not in LOGS:
            (folder / name).unlink(missing_ok=True)
    for name in UNFINISHED:
        remove_unfinished(folder / name)
    for name in FOLDERS:
        remove_if_empty(folder / name)
    for name in (CONFIG, *RESULTS, MODEL):
        if kind_of(folder / name) is not None:
            raise InputError(
                f"{folder / name} is not from attnprobe, or has files in it that are not: --force leaves it, and a run "
                "would take it for its own; move it away, or give another --out."
            )
    _write_manifest(folder, [name for name in LOGS if name in written])


def remove_unfinished(folder: Path) -> None:
    """Remove what is in one of the folders ``UNFINISHED``, and the folder if nothing else is in it."""
    for name in _names(folder):
        if _OF_UNFINISHED.fullmatch(name) and kind_of(folder / name) == FILE:
            (folder / name).unlink(missing_ok=True)
    remove_if_empty(folder)


def remove_if_empty(folder: Path) -> None:
    """Remove a folder that is one and has nothing in it."""
    if kind_of(folder) == FOLDER and not _names(folder):
        folder.rmdir()


def _names(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise InputError(f"{folder} cannot be read: {error.strerror}.") from None


def _check_plain(folder: Path) -> None:
    for name in _names(folder):
        require_kind(folder / name, FILE, FOLDER)
        if kind_of(folder / name) == FOLDER:
            _check_plain(folder / name)


def _belongs(name: str) -> bool:
    """Whether a manifest may name it, which may come from anyone."""
    parts = PurePosixPath(name).parts
    if len(parts) == 1:
        return name in (CONFIG, *RESULTS, *LOGS)
    return len(parts) == 2 and parts[0] in (MODEL, TABLES, FIGURES) and parts[1] != ".." and "\0" not in name


def _entries(content: bytes) -> list[str]:
    """What a manifest names, each once; lines that are no entries are passed over."""
    return list(dict.fromkeys(name for name in map(_entry, content.splitlines()) if name and _belongs(name)))


def _entry(line: bytes) -> str | None:
    try:
        name = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return name if isinstance(name, str) else None


def _write_manifest(folder: Path, names: list[str]) -> None:
    temporary = folder / f".{MANIFEST}.{os.urandom(6).hex()}"
    try:
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "wb") as file:
            file.write(b"".join(json.dumps(name).encode() + b"\n" for name in names))
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, folder / MANIFEST)
    finally:
        temporary.unlink(missing_ok=True)


def _is_own_configuration(path: Path) -> bool:
    try:
        with open(open_own(path, os.O_RDONLY), encoding="utf-8") as file:
            content: Any = json.loads(file.read(MOST_JSON_BYTES))
        return {"attnprobe", "format", "fingerprint", "settings", "data"} <= set(content)
    except (OSError, ValueError, TypeError, RecursionError):
        return False


def _files_of_older_run(folder: Path) -> list[str]:
    found = [name for name in (CONFIG, *RESULTS, *LOGS) if kind_of(folder / name) == FILE]
    return found + [f"{place}/{name}" for place in _OLDER for name in _older_names(folder / place)]


def _older_names(folder: Path) -> Iterator[str]:
    if folder.name == MODEL and kind_of(folder / _OF_A_CHECKPOINT) != FILE:
        return
    for name in _names(folder):
        known = any(fnmatch(name, pattern) for pattern in _OLDER[folder.name])
        if known and name.endswith(_SUFFIXES.get(folder.name, "")) and kind_of(folder / name) == FILE:
            yield name
