"""The share of a run's pieces that one of several jobs takes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn, TypeVar

from attnprobe.settings.unfit import Named, SettingError

T = TypeVar("T")


@dataclass(frozen=True)
class Share:
    """The pieces that one of several jobs takes: ``part`` of ``parts``, counted from 1.

    Raises:
        SettingError: there is no such part.
    """

    part: int
    parts: int

    def __post_init__(self) -> None:
        if not 1 <= self.part <= self.parts:
            _refuse(f"{self.part}/{self.parts}")

    def of(self, pieces: Sequence[T]) -> list[T]:
        """Every ``parts``-th piece."""
        return list(pieces[self.part - 1 :: self.parts])


def parse_share(text: str) -> Share:
    """What ``3/8`` says: the third of eight jobs.

    Raises:
        SettingError: it says nothing of the kind.
    """
    match = re.fullmatch(r"(\d{1,18})/(\d{1,18})", text, re.ASCII)
    return Share(int(match[1]), int(match[2])) if match is not None else _refuse(text)


def _refuse(text: str) -> NoReturn:
    sentence = "{} {}: not a part and a number of parts, such as 1/8 for the first of eight jobs."
    raise SettingError("execution", sentence, Named("shard"), text)
