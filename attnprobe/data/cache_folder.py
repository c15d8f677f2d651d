"""The folder for what can be made again."""

from __future__ import annotations

import atexit
import os
import re
import shutil
import tempfile
from functools import lru_cache
from pathlib import Path

import platformdirs

from attnprobe.base.atomic_files import remove_leftovers, temporary_beside
from attnprobe.base.errors import InputError

CACHE_VARIABLE = "ATTNPROBE_CACHE"


def cache_folder() -> Path:
    """The folder that the environment variable ``ATTNPROBE_CACHE`` names, else the user's cache folder for attnprobe.

    It is made if need be. Where the user's cache folder cannot be written to, a temporary folder that is gone when the
    process ends.

    Raises:
        InputError: the folder that the variable names cannot be written to.
    """
    folder = named_cache_folder()
    if os.environ.get(CACHE_VARIABLE):
        return _writable(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return temporary_folder()
    return folder if os.access(folder, os.W_OK | os.X_OK) else temporary_folder()


def named_cache_folder() -> Path:
    """The same folder, whether or not it is there or can be written to."""
    named = os.environ.get(CACHE_VARIABLE)
    return Path(named).absolute() if named else platformdirs.user_cache_path("attnprobe")


def _writable(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{folder}: the cache folder, which {CACHE_VARIABLE} names, cannot be made ({error.strerror})."
        ) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"{folder}: the cache folder, which {CACHE_VARIABLE} names, cannot be written to.")
    return folder


@lru_cache(maxsize=1)
def temporary_folder() -> Path:
    """A folder that is gone when the process ends, or at the latest when another one needs such a folder."""
    remove_abandoned_temporary_folders()
    folder = temporary_beside(_TEMPORARY)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def remove_abandoned_temporary_folders() -> None:
    """Remove the temporary folders of processes that were killed."""
    remove_leftovers(_TEMPORARY.parent, re.escape(_TEMPORARY.name), deep=False)


_TEMPORARY = Path(tempfile.gettempdir(), "attnprobe")
