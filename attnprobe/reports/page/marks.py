"""Marks of the overview, each of which stands for documents that the reader can go and look at."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.bool_]
"""Which documents (documents,): the rows are those of ``RunResults.several``."""


class Mark(NamedTuple):
    """Something that can be clicked.

    Attributes:
        title: what its documents have in common, for the reader.
        rows: which they are.
        covered: whether the sample of documents should have one of them.
    """

    title: str
    rows: Rows
    covered: bool


class Marks:
    """The marks of one run, in the order in which they are made; their numbers are what links name them by."""

    def __init__(self) -> None:
        self.all: list[Mark] = []

    def add(self, title: str, rows: npt.ArrayLike, *, covered: bool = True) -> int:
        """A new mark's number.

        Args:
            title: what the documents have in common.
            rows: which they are (documents,).
            covered: whether the sample should have one of them.
        """
        self.all.append(Mark(title, np.asarray(rows, dtype=bool), covered))
        return len(self.all) - 1
