"""The bytes of files: what they are, and how many of them have been read."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from tqdm import tqdm

from attnprobe.base.errors import InputError
from attnprobe.base.plain_files import open_plain
from attnprobe.base.progress_bars import progress_bar

KEY_BYTES = 8
BLOCK_BYTES = 1 << 22


def byte_progress(paths: Sequence[Path], label: str) -> tqdm[NoReturn]:
    """A bar over all bytes of the files."""
    total = sum(path.stat().st_size for path in paths)
    return progress_bar(total=total, desc=label, unit="B", unit_scale=True, delay=0.5)


def content_key(paths: Sequence[Path], label: str) -> str:
    """Hexadecimal; another one whenever a file's name, size or content is another.

    Raises:
        InputError: a file cannot be read, or is none.
    """
    digest = hashlib.blake2b(digest_size=KEY_BYTES)
    try:
        with byte_progress(paths, f"{label}: checking files") as progress:
            for path in paths:
                digest.update(f"{path.name} {path.stat().st_size}\n".encode())
                with open_plain(path, buffering=0) as raw:
                    while block := raw.read(BLOCK_BYTES):
                        digest.update(block)
                        progress.update(len(block))
    except OSError as error:
        raise InputError(f"{error.filename}: the file cannot be read ({error.strerror}).") from error
    return digest.hexdigest()
