"""The source files that the ``docstrings`` dataset is made from; nothing is imported to find them."""

from __future__ import annotations

import importlib.util
import os
import platform
import sysconfig
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

PACKAGES = ("numpy", "scipy", "pandas", "matplotlib", "torch")
STANDARD_LIBRARY = "python"
CLASSES = (STANDARD_LIBRARY, *PACKAGES)

# Folders left out: tests, demonstrations and tools; and code that others wrote.
TESTS = {"test", "tests", "_tests", "idlelib", "lib2to3", "turtledemo"}
OTHERS = {"site-packages", "dist-packages", "_vendor", "_vendored", "_external"}


class SourceFile(NamedTuple):
    """A Python file: its class, its place in the package's folder, and where it is."""

    class_name: str
    module: str
    path: Path


def class_versions() -> dict[str, str]:
    """The version of each class that is installed."""
    versions = {STANDARD_LIBRARY: platform.python_version()}
    return versions | {name: metadata.version(name) for name in PACKAGES if _package_folder(name)}


def class_folders() -> dict[str, Path]:
    """The folder of each class that is installed."""
    folders = {STANDARD_LIBRARY: Path(sysconfig.get_path("stdlib"))}
    return folders | {name: folder for name in PACKAGES if (folder := _package_folder(name))}


def source_files(folders: dict[str, Path]) -> list[SourceFile]:
    """All Python files in the folders of the classes, in one order always; test folders are left out."""
    files = []
    for class_name, folder in folders.items():
        for root, inner, names in os.walk(folder):
            inner[:] = [name for name in inner if name not in TESTS | OTHERS]  # which are not gone into
            inside = Path(root).relative_to(folder)
            files += [
                SourceFile(class_name, f"{class_name}/{(inside / name).as_posix()}", Path(root, name))
                for name in names
                if name.endswith(".py")
            ]
    return sorted(files)


def _package_folder(name: str) -> Path | None:
    specification = importlib.util.find_spec(name)
    if specification is None or not specification.submodule_search_locations:
        return None
    return Path(specification.submodule_search_locations[0])
