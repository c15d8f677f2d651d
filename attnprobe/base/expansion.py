"""How much has been unpacked of a file, and whether that is more than data can unpack to."""

from __future__ import annotations

from pathlib import Path

from attnprobe.base.bounds import most_unpacked
from attnprobe.base.errors import InputError


class Expansion:
    """Counts what is unpacked of a file.

    Args:
        path: of the file.
        packed: its bytes.
    """

    def __init__(self, path: Path, packed: int) -> None:
        self._path, self._packed = path, packed
        self._most, self._unpacked = most_unpacked(packed), 0

    def add(self, unpacked: int) -> None:
        """Count so many bytes more; raise an InputError where they are too many."""
        self._unpacked += unpacked
        if self._unpacked > self._most:
            raise InputError(
                f"{self._path}: its {self._packed:,} bytes unpack to more than {self._most:,}, as no data do."
            )
