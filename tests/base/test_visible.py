"""The gate that text of others passes."""

import csv
import io
import json
import unicodedata

import pandas as pd
from hypothesis import example, given
from hypothesis import strategies as st

from attnprobe.base.visible import in_a_cell, in_json, in_print, visible
from attnprobe.reports.csv_text import csv_text

SEEN_ALTHOUGH_THEY_FORMAT = {*map(chr, range(0x600, 0x606)), *"\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"}
"""Signs above numbers and words, which have a shape of their own."""


def steers(character):
    return (
        unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") and character not in SEEN_ALTHOUGH_THEY_FORMAT
    )


def test_every_character_that_steers_is_shown_whatever_the_version_of_unicode():
    for character in filter(steers, map(chr, range(0x110000))):
        shown = visible(f"a{character}b")
        assert character not in shown
        assert shown.isprintable()


def test_joiners_stay_where_letters_and_emoji_need_them():
    for text in (
        "👩\u200d👧\u200d👦",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "❤\ufe0f\u200d🔥",
        "क्\u200dष",
    ):
        assert visible(text) == text
    for text in ("a\u200db", "\u200d👩", "👩\u200d", "ا\u200d\u200dب", "pay\u200cpal"):
        assert not set("\u200c\u200d") & set(visible(text))


@given(st.text())
@example("\ud800\x1b[31m\u2028\n\u200d")
def test_it_passes_a_second_time_unchanged_and_can_be_written(text):
    shown = visible(text)
    assert visible(shown) == shown
    shown.encode()
    assert in_print(text).isprintable()
    assert in_print(shown) == in_print(text)
    assert set(visible(text, kept="\n")) <= {*shown, "\n"}


@given(st.recursive(st.text(), lambda inner: st.dictionaries(st.text(), inner)))
@example({"\U000e0041\u202e\x7f": "\U0001bca0\n"})
def test_json_means_the_same_and_shows_nothing_that_steers(content):
    text = in_json(json.dumps(content, ensure_ascii=False, indent=1))
    assert json.loads(text) == content
    assert not any(map(steers, text.replace("\n", "").replace("\u200d", "").replace("\u200c", "")))


@given(st.text(st.characters(codec="utf-8") | st.sampled_from("=+-@\t\r\n \"',;"), min_size=1))
@example("=cmd|'/c calc'!A1")
@example("\n=1")
@example("-2+3")
def test_a_spreadsheet_takes_no_text_for_a_formula(text):
    (heading,), (cell,) = csv.reader(io.StringIO(csv_text(pd.DataFrame({text: [text]}))))
    assert heading == cell == in_a_cell(text)
    assert cell[:1] not in ("=", "+", "@", "\t", "\r")
    if cell.startswith("-"):
        assert all(float(word) is not None for word in cell.split())
    assert cell.removeprefix("'").endswith(visible(text)) or visible(text).startswith("'")


def test_numbers_stay_numbers():
    table = pd.DataFrame({"points": ["-0.0500 0.2000"], "value": [-0.5], "count": [-3]})
    assert csv_text(table, "%.4f") == "points,value,count\n-0.0500 0.2000,-0.5000,-3\n"
