"""Memory that a process has freed and will soon want again."""

from __future__ import annotations

import ctypes
import sys

KEPT_BYTES = 2**28
"""Up to so much of it is kept."""

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Numbers of glibc's options (malloc.h)."""
_LARGEST_MMAP_THRESHOLD = 2**25
"""glibc takes no more."""


def keep_freed_memory() -> None:
    """From now on, up to ``KEPT_BYTES`` of freed memory stay with the process; without glibc, nothing changes.

    Left to itself, glibc gives the tensors of each step of training back to the system and asks for them again: the
    system clears every page that it hands out, which took a sixth of a step.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _LARGEST_MMAP_THRESHOLD)
        mallopt(_TRIM_THRESHOLD, KEPT_BYTES)
