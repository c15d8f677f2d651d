"""The share of a run's pieces that one of several jobs takes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from attnprobe.base.errors import InputError

T = TypeVar("T")


@dataclass(frozen=True)
class Share:
    """The pieces that one of several jobs takes: ``part`` of ``parts``, counted from 1."""

    part: int
    parts: int

    def of(self, pieces: Sequence[T]) -> list[T]:
        """Every ``parts``-th piece."""
        return list(pieces[self.part - 1 :: self.parts])


def parse_share(text: str) -> Share:
    """What ``3/8`` says: the third of eight jobs.

    Raises:
        InputError: it says nothing of the kind.
    """
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise InputError(f"--shard {text}: not a part and a number of parts, such as 1/8 for the first of eight jobs.")
    return Share(int(match[1]), int(match[2]))
