"""Functions of other packages are asked with care: whatever goes wrong in one ends in a sentence that names it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from attnprobe.base.errors import InputError


@contextmanager
def asking(of: str, given: Sequence[Tensor]) -> Iterator[None]:
    """While a function of another package is at work.

    Args:
        of: what it is, within a sentence.
        given: what it can read, and is not to write to.

    Raises:
        InputError: it fails, or writes to what it is given.
    """
    before = _versions(given)
    try:
        yield
    except (InputError, MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        said = " ".join(str(error).split())
        raise InputError(
            f"{of[0].upper()}{of[1:]} fails: {type(error).__name__}" + (f": {said}." if said else ".")
        ) from error
    if _versions(given) != before:
        raise InputError(f"{of[0].upper()}{of[1:]} changes the tensors that it is given, which others read too.")


def _versions(tensors: Sequence[Tensor]) -> list[int]:
    """How often they have been written to."""
    return [each._version for each in tensors]
