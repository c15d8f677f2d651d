"""Pictures and sounds that a model reads as tokens: where in them each token lies, and what is shown of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Patches:
    """A grid of patches over a picture, row by row.

    Attributes:
        rows: of patches, or bands of frequency of a spectrogram.
        columns: of patches, or steps in time of a spectrogram.
        before: how many tokens of no place come before them.
        after: how many come behind.
        spectrogram: whether the picture is that of a sound: rows are of frequency, and columns of time.
    """

    rows: int
    columns: int
    before: int
    after: int
    spectrogram: bool = False

    @property
    def tokens(self) -> int:
        """How many there are."""
        return self.before + self.rows * self.columns + self.after

    def names(self) -> list[str]:
        """What each token is called: its row and column, from 1, or what it is of."""
        cells = [f"({row + 1}, {column + 1})" for row in range(self.rows) for column in range(self.columns)]
        specials = [f"[special {number + 1}]" for number in range(self.before + self.after)]
        return [*specials[: self.before], *cells, *specials[self.before :]]

    def of_place(self) -> npt.NDArray[np.bool_]:
        """True where a token is of a place (tokens,)."""
        place = np.arange(self.tokens)
        return (place >= self.before) & (place < self.before + self.rows * self.columns)


@dataclass(frozen=True)
class Frames:
    """Steps in time of a sound.

    Attributes:
        tokens: how many there are.
        step: how many entries of the input a step has: samples, or columns of a spectrogram.
        axis: of the input that is time.
        rate: how many entries there are in a second; None where that is not known.
    """

    tokens: int
    step: float
    axis: int
    rate: float | None = None

    def names(self) -> list[str]:
        """When each begins, in seconds or, where the rate is not known, its number from 1."""
        if self.rate is None:
            return [f"frame {number + 1}" for number in range(self.tokens)]
        digits = max(0, math.ceil(-math.log10(self.step / self.rate)) + 1) if self.step < self.rate else 1
        return [f"{number * self.step / self.rate:.{digits}f} s" for number in range(self.tokens)]

    def of_place(self) -> npt.NDArray[np.bool_]:
        """True where a token is of a place (tokens,): all are."""
        return np.ones(self.tokens, dtype=bool)


Places = Patches | Frames


class Shown(NamedTuple):
    """What one document is of.

    Attributes:
        content: a picture (height, width, 3) or a spectrogram (frequency, time), each from 0 to 255, lowest frequency
            first; or samples (time,).
        tokens: of each item, in order, the number of its token (items,).
    """

    content: npt.NDArray[np.generic]
    tokens: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Media:
    """Pictures or sounds, and where in them items lie.

    Attributes:
        places: of the tokens.
        shown: the first documents.
    """

    places: Places
    shown: Sequence[Shown]
