"""The folder for what can be made again."""

from __future__ import annotations

import os
import tempfile
from functools import lru_cache
from pathlib import Path

import platformdirs


def cache_folder() -> Path:
    """The user's cache folder for attnprobe, made if need be.

    Where it cannot be written to, a temporary folder that is gone when the process ends.
    """
    folder = platformdirs.user_cache_path("attnprobe")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return _temporary_folder()
    return folder if os.access(folder, os.W_OK | os.X_OK) else _temporary_folder()


@lru_cache(maxsize=1)
def _temporary_folder() -> Path:
    folder = tempfile.TemporaryDirectory(prefix="attnprobe-")
    _KEPT_ALIVE.append(folder)
    return Path(folder.name)


_KEPT_ALIVE: list[tempfile.TemporaryDirectory[str]] = []
