"""Fonts in PDF files lose what shapes text, and no letter."""

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from matplotlib.font_manager import findfont

from attnprobe.reports.figures.embedded_fonts import SHAPING_TABLES, without_shaping_tables

LETTERS = "Attention: ΔJS − 10 %"


def cut(font):
    cutter = Subsetter(Options(glyph_names=True))
    cutter.populate(text=LETTERS)
    cutter.subset(font)
    return font


def drawn(font, letter):
    name = font.getBestCmap()[ord(letter)]
    coordinates, ends, flags = font["glyf"][name].getCoordinates(font["glyf"])
    return list(coordinates), list(ends), bytes(flags), font["hmtx"][name]


def test_letters_are_drawn_as_in_the_whole_font_and_shaping_is_gone():
    whole = TTFont(findfont("DejaVu Sans"))
    with without_shaping_tables():
        small = cut(TTFont(findfont("DejaVu Sans")))
    assert set(SHAPING_TABLES) & set(whole.keys())
    assert not set(SHAPING_TABLES) & set(small.keys())
    for letter in LETTERS:
        assert drawn(small, letter) == drawn(whole, letter)


def test_other_fonts_are_cut_as_before():
    with without_shaping_tables():
        pass
    assert "GPOS" in cut(TTFont(findfont("DejaVu Sans")))
