import io
import json

import pytest
from tqdm import tqdm

from attnprobe.base.errors import InputError
from attnprobe.data.files import json_values
from attnprobe.data.serrano2019 import yahoo_xml
from attnprobe.data.serrano2019.imdb_json import imdb_records
from attnprobe.data.serrano2019.records import one_line
from attnprobe.data.serrano2019.yahoo_xml import yahoo_records
from attnprobe.data.serrano2019.zhang_csv import amazon_records, has_header, yelp_records
from tests.fixtures.serrano2019_originals import csv_line, question, write_imdb, write_reviews, write_yahoo

QUESTIONS = [
    question("Society & Culture", 'Why <br /> is "it" & 1 < 2?', "naïve — ñ", "Because.\nTwo\tlines."),
    question("Sports", "Without an answer"),
    question("Sports", "", None, "Only an answer"),
    question(None, "Without a category", None, "Answer"),
]
EXPECTED = [
    ("", "Society & Culture", 'Why <br /> is "it" & 1 < 2? naïve — ñ Because.\nTwo\tlines.'),
    ("", "Sports", "Without an answer"),
    ("", "Sports", "Only an answer"),
    ("", "", "Without a category Answer"),
]


def read(reader, *paths):
    with tqdm(file=io.StringIO()) as progress:
        records = list(reader(paths, progress))
        assert progress.n == sum(path.stat().st_size for path in paths)
    return records


def message(reader, *paths):
    with pytest.raises(InputError) as caught:
        read(reader, *paths)
    text = str(caught.value)
    assert text.endswith(".")
    return text


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("cut", [0.01, 0.3, 0.5, 0.77])
def test_yahoo_parts_are_one_document_whatever_the_cut(tmp_path, monkeypatch, cut, suffix):
    monkeypatch.setattr(yahoo_xml, "CHUNK_BYTES", 7)
    folder = write_yahoo(tmp_path, QUESTIONS, cut, suffix)
    assert read(yahoo_records, *(folder / f"FullOct2007.xml.part{i}{suffix}" for i in (1, 2))) == EXPECTED


def test_yahoo_in_one_file_and_in_parts_completed_by_hand(tmp_path):
    write_yahoo(tmp_path, QUESTIONS[:2], cut=1)
    whole = tmp_path / "FullOct2007.xml.part1"
    assert read(yahoo_records, whole) == EXPECTED[:2]
    second = write_yahoo(tmp_path / "b", QUESTIONS[2:], cut=1) / "FullOct2007.xml.part1"
    assert read(yahoo_records, whole, second) == EXPECTED


def test_yahoo_texts_keep_what_is_nested_in_them(tmp_path):
    nested = "<vespaadd><document><subject>a <b>bold</b> word</subject><maincat>Health</maincat></document></vespaadd>"
    folder = write_yahoo(tmp_path, [nested], cut=1)
    assert read(yahoo_records, folder / "FullOct2007.xml.part1") == [("", "Health", "a bold word")]


def test_yahoo_does_not_hold_what_it_has_handed_out(tmp_path):
    write_yahoo(tmp_path, QUESTIONS * 50, cut=1)
    path = tmp_path / "FullOct2007.xml.part1"
    parser = yahoo_xml._DocumentParser()
    longest = 0
    content = path.read_bytes()
    for start in range(0, len(content), 512):
        for _ in parser.feed(content[start : start + 512]):
            longest = max(longest, len(parser._root))
    assert longest <= 3


def test_yahoo_that_is_broken(tmp_path):
    write_yahoo(tmp_path, QUESTIONS, cut=0.6)
    part = tmp_path / "FullOct2007.xml.part1"
    assert message(yahoo_records, part) == (
        f"{part}: the XML ends before its last element does; the file is incomplete, or a part is missing."
    )
    part.write_text("<ystfeed><document></ystfeed>")
    assert f"{part}: not readable as XML (mismatched tag: line 1" in message(yahoo_records, part)
    part.write_text("")
    assert "not readable as XML (no element found" in message(yahoo_records, part)
    write_yahoo(tmp_path, QUESTIONS, suffix=".gz")
    packed = tmp_path / "FullOct2007.xml.part1.gz"
    packed.write_bytes(packed.read_bytes()[:-20])
    assert f"{packed}: the file cannot be read (" in message(yahoo_records, packed)
    packed.write_bytes(b"plain")
    assert f"{packed}: the file cannot be read (Not a gzipped file" in message(yahoo_records, packed)
    assert "absent: the file cannot be read (No such file" in message(yahoo_records, tmp_path / "absent")


@pytest.mark.parametrize("lines", [False, True])
@pytest.mark.parametrize("chunk", [1, 50, 1 << 20])
def test_imdb_as_an_array_and_as_lines(tmp_path, monkeypatch, lines, chunk):
    monkeypatch.setattr(json_values, "CHUNK_CHARACTERS", chunk)
    reviews = [(8, 'Fine. "Really", naïve ]}, {['), ("10", "Two\nlines"), (1.0, ""), (None, "unrated"), (7.5, "odd")]
    write_imdb(tmp_path, reviews, lines)
    expected = [("", "8", reviews[0][1]), ("", "10", "Two\nlines"), ("", "1", ""), ("", "None", "unrated")]
    assert read(imdb_records, tmp_path / "data.json") == [*expected, ("", "7.5", "odd")]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            '[{"rating": 1, "review": "a"}, {"rating": 2}]',
            "record 2: the key 'review' is missing; the keys are 'rating'",
        ),
        ('[{"rating": 1, "review": ["a"]}]', "record 1, key 'review': the review must be a string"),
        ('[{"rating": 1, "review": "a"}, 7]', "record 2: not a JSON object"),
        ('[{"rating": 1, "review": "a"}, {"rating"', "record 2: not valid JSON (Expecting ':' delimiter)"),
        ('{"rating": 1 "review": "a"}', "record 1: not valid JSON (Expecting ',' delimiter)"),
        ("[" + "[" * 5000 + "{", "record 1: not valid JSON (Expecting property name"),
        ('{"a": ' * 100_000, "record 1: not valid JSON (a value is too large)"),
        (b'{"rating": 1, "review": "caf\xe9"}', "after record 0: not UTF-8"),
    ],
)
def test_imdb_that_is_broken(tmp_path, content, expected):
    path = tmp_path / "data.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert expected in message(imdb_records, path)


def test_a_broken_object_is_not_searched_for_its_end_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr(json_values, "LONGEST_RECORD", 100)
    monkeypatch.setattr(json_values, "CHUNK_CHARACTERS", 10)
    path = tmp_path / "data.json"
    path.write_text('[{"rating": "' + "x" * 10_000 + json.dumps(["never read"]))
    with pytest.raises(InputError, match="record 1: not valid JSON"):
        read(imdb_records, path)


def test_reviews_without_a_header(tmp_path):
    text = 'He said: "no, ""never""".\\nThen \\"left\\".'
    write_reviews(tmp_path, [("5", text), ("1", "")], [("3", "Tested, too.")])
    paths = tmp_path / "train.csv", tmp_path / "test.csv"
    read_text = 'He said: "no, ""never""".\nThen "left".'
    expected = [("train", "5", read_text), ("train", "1", ""), ("test", "3", "Tested, too.")]
    assert read(amazon_records, *paths) == expected
    assert not has_header(paths[0])
    write_reviews(tmp_path, [("5", text), ("1", "")], [("3", "Tested, too.")], title=False)
    assert read(yelp_records, *paths) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (csv_line("1", "text"), "row 1: the number of fields is 2, not 3 (class, title, text)"),
        (
            csv_line("1", "a", "b") + csv_line("6", "a", "b"),
            "row 2, column 'class': the class must be a number of stars",
        ),
        (csv_line("class", "title", "text"), "from 1 to 5, not 'class'; these files have no header"),
        ('"1","a","b\n', "row 1: not readable as CSV (unexpected end of data)"),
        (b'"1","a","caf\xe9"\n', "row 1: not UTF-8"),
    ],
)
def test_reviews_that_are_broken(tmp_path, content, expected):
    path = tmp_path / "train.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert message(amazon_records, path).startswith(f"{path}, {expected}" if expected.startswith("row") else str(path))
    assert expected in message(amazon_records, path)


def test_headers_are_told_from_reviews(tmp_path):
    for content, expected in (("label,text\n1,a\n", True), ("", True), ('"1","a"\n', False), ("\ufeff5,a\n", False)):
        (tmp_path / "train.csv").write_text(content, encoding="utf-8")
        assert has_header(tmp_path / "train.csv") == expected


def test_texts_become_one_line_that_files_can_hold():
    assert one_line("\u2028 a\r\n\x0bb\0c \ud800 ") == "a b c ?"
    assert one_line("\0 \t") == ""
