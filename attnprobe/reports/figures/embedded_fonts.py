"""Fonts in PDF files without what says how letters are put together: matplotlib has put them in their places before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from fontTools.subset import Subsetter
from fontTools.ttLib import TTFont

SHAPING_TABLES = ("GDEF", "GPOS", "GSUB", "MATH")
"""Substitutions, positions, formulas: most of DejaVu Sans, and nine tenths of the time that cutting it down takes."""


@contextmanager
def without_shaping_tables() -> Iterator[None]:
    """Within, fonts that are cut down to the letters of a file lose these tables first.

    A PDF file names glyphs and places, and its readers shape nothing. Neither matplotlib nor its settings say which
    tables go.
    """
    cut = Subsetter.subset

    def cut_without(subsetter: Subsetter, font: TTFont) -> None:
        subsetter.options.drop_tables = [*subsetter.options.drop_tables, *SHAPING_TABLES]
        cut(subsetter, font)

    with patch.object(Subsetter, "subset", cut_without):
        yield
