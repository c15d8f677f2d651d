"""Calling what another package has registered: whatever it does, it is one sentence that names the package."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch

from attnprobe.base.errors import InputError
from attnprobe.erasure.erasable import Erasable

T = TypeVar("T")


def carried_out_on(batch: Erasable, of: str, fits: Callable[[Erasable], bool], make: Callable[[], T]) -> T | None:
    """What an entry makes of a batch; None where it does not fit the batch's model.

    Args:
        batch: the batch, which others read too.
        of: what the entry is, for messages, as "the ordering leave_one_out of attnprobe-leave-one-out 0.1.0".
        fits: whether it fits the batch's model.
        make: makes it.

    Raises:
        InputError: it fails, or changes the tensors that it is given.
    """
    of = of[0].upper() + of[1:]
    before = _versions(batch)
    try:
        made = make() if fits(batch) else None
    except (InputError, MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        said = " ".join(str(error).split())
        raise InputError(f"{of} fails: {type(error).__name__}" + (f": {said}." if said else ".")) from error
    if _versions(batch) != before:
        raise InputError(f"{of} changes the tensors that it is given; others read them too.")
    return made


def _versions(batch: Erasable) -> list[int]:
    """How often what all entries read has been written to."""
    return [each._version for each in (*batch.attention, *batch.single_effects(), batch.log_probabilities())]
