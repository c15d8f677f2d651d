import json
import time
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnprobe.base.errors import InputError
from attnprobe.data.files.columns import Columns, WantedColumns
from attnprobe.data.files.reading import read_labels
from tests.fixtures.dataset_folders import WRITERS, write_csv, write_jsonl, write_parquet, write_tsv

ROWS = [("neg", 'He said "no", twice.'), ("pos", "Größe; naïve — 東京"), ("neg", '"'), ("pos", "a, b")]


class Documents(NamedTuple):
    columns: Columns
    labels: list
    texts: list


def read(path, **wanted):
    file = read_labels(path, WantedColumns(**wanted))
    return Documents(file.columns, [file.labels[code] for code in file.codes], list(file.texts()))


def message(path, **wanted):
    with pytest.raises(InputError) as caught:
        read(path, **wanted)
    assert path.name in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < len(str(path)) + 400
    return str(caught.value)


def written(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("suffix", WRITERS)
def test_every_format_gives_the_same_documents(tmp_path, suffix):
    documents = read(WRITERS[suffix](tmp_path / f"train.{suffix}", ROWS))
    assert list(zip(documents.labels, documents.texts, strict=True)) == ROWS


@pytest.mark.parametrize("suffix", WRITERS)
def test_rows_are_counted_as_a_spreadsheet_does(tmp_path, suffix):
    path = WRITERS[suffix](tmp_path / f"train.{suffix}", [(label, "a") for label in "cabacb"])
    file = read_labels(path, WantedColumns())
    header = suffix in ("tsv", "csv")
    assert file.labels == ["c", "a", "b"]
    assert file.first_rows == [(path, row + header) for row in (1, 2, 3)]
    assert file.codes.tolist() == [0, 1, 2, 1, 0, 2]


@pytest.mark.parametrize("suffix", ["tsv", "csv", "jsonl"])
def test_byte_order_mark_carriage_returns_and_blank_lines_at_the_end(tmp_path, suffix):
    path = WRITERS[suffix](tmp_path / f"train.{suffix}", ROWS)
    lines = path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    path.write_bytes(b"\xef\xbb\xbf" + lines + b"\r\n\r\n")
    documents = read(path)
    assert list(zip(documents.labels, documents.texts, strict=True)) == ROWS


def test_the_last_line_needs_no_end(tmp_path):
    assert read(written(tmp_path / "train.tsv", "label\ttext\na\tb")).texts == ["b"]


def test_line_breaks_inside_a_quoted_field(tmp_path):
    path = write_csv(tmp_path / "train.csv", [("a", "one\ntwo"), ("b", ""), ("c", "x")])
    assert "row 4, column 'text': the text is empty" in message(path)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\t\n\r\0"), min_size=1))
def test_any_line_passes_through_tsv(tmp_path_factory, text):
    if text.isspace():
        return
    path = write_tsv(tmp_path_factory.mktemp("any") / "train.tsv", [("a", text)])
    assert read(path).texts == [text]


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1))
def test_any_text_passes_through_jsonl_and_parquet(tmp_path_factory, text):
    if text.isspace():
        return
    folder = tmp_path_factory.mktemp("any")
    assert read(write_jsonl(folder / "a.jsonl", [("a", text)])).texts == [text]
    assert read(write_parquet(folder / "a.parquet", [("a", text)])).texts == [text]


@pytest.mark.parametrize("header", [("category", "tokens"), ("label", "text"), ("category", "text")])
def test_usual_columns_are_found(tmp_path, header):
    documents = read(write_tsv(tmp_path / "train.tsv", [("a", "b")], header))
    assert (documents.columns.label, documents.columns.text) == header


def test_named_columns(tmp_path):
    path = write_tsv(tmp_path / "train.tsv", [("1", "x", "y")], ("stars", "text", "summary"))
    assert read(path, label="stars", text="summary").texts == ["y"]
    assert "no label column 'category' or 'label'; the columns are 'stars', 'text', 'summary'" in message(path)
    assert "Did you mean --label-column stars?" in message(path, label="star")


def test_ambiguous_columns(tmp_path):
    path = write_tsv(tmp_path / "train.tsv", [("1", "x", "y")], ("label", "text", "tokens"))
    assert "row 1: the columns 'text', 'tokens' could each hold the text" in message(path)
    assert read(path, text="tokens").texts == ["y"]


def test_a_file_without_header_does_not_swamp_the_message(tmp_path):
    assert "no label column" in message(write_tsv(tmp_path / "train.tsv", [("a", "b")], ("1", "text " * 10_000)))


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("train.tsv", "label\ttext\na\tb\na\tb\tc\n", "row 3: the number of fields is 3"),
        ("train.tsv", "label\ttext\na\tb\n\na\tb\n", "row 3: the number of fields is 1"),
        ("train.csv", "label,text\na,b\na\n", "row 3: the number of fields is 1"),
        ("train.csv", 'label,text\na,"b\nc\n', "row 2: not readable as CSV (unexpected end of data)"),
        ("train.csv", 'label,text\na,"b"c\n', "row 2: not readable as CSV"),
        ("train.tsv", b"label\ttext\na\tb\na\tcaf\xe9\n", "row 3: not UTF-8 (byte 0xe9 at position 6)"),
        ("train.csv", b"label,text\na,b\na,caf\xe9\n", "row 3: not UTF-8"),
        ("train.jsonl", b'{"label": 1, "text": "caf\xe9"}\n', "row 1: not UTF-8"),
        ("train.tsv", "label\ttext\na\tb\0c\n", "row 2, column 'text': the text holds a NUL character"),
        ("train.csv", "label,text\na,b\0c\n", "row 2, column 'text': the text holds a NUL character"),
        ("train.jsonl", r'{"label": "a", "text": "b\u0000"}', "row 1, column 'text': the text holds a NUL"),
        ("train.jsonl", r'{"label": "a", "text": "b\ud800"}', "row 1, column 'text': the text holds half a"),
        ("train.tsv", "label\ttext\na\tb\na\t \u2003\n", "row 3, column 'text': the text is empty"),
        ("train.tsv", "label\ttext\na\tb\n\tb\n", "row 3, column 'label': the label is empty"),
        ("train.tsv", "label\ttext\n", "the file holds no documents"),
        ("train.csv", "label,text\n", "the file holds no documents"),
        ("train.tsv", "", "the file is empty"),
        ("train.csv", "", "the file is empty"),
        ("train.jsonl", "\n\n", "the file is empty"),
        ("train.jsonl", '{"label": 1, "text": "b"}\n{"label"\n', "row 2: not valid JSON (Expecting"),
        ("train.jsonl", '{"label": 1, "text": "b"}\n\n{"label": 1, "text": "b"}\n', "row 2: not valid JSON"),
        ("train.jsonl", "[" * 100_000, "row 1: not valid JSON"),
        ("train.jsonl", '{"label": ' + "1" * 5000 + ', "text": "a"}', "row 1: not valid JSON"),
        ("train.jsonl", '["a", "b"]\n', "row 1: not a JSON object"),
        (
            "train.jsonl",
            '{"label": 1, "text": "b"}\n{"label": 1, "txt": "b"}',
            "row 2: the key 'text' is missing",
        ),
        ("train.jsonl", '{"label": 1, "txt": "b"}', "row 1: there is no text column 'tokens' or 'text'"),
        (
            "train.jsonl",
            '{"label": 1, "text": {"a": "b"}}',
            "row 1, column 'text': the text must be a string or a number, not an object",
        ),
        ("train.jsonl", '{"label": 1, "text": []}', "row 1, column 'text': the text is empty"),
        ("train.jsonl", '{"label": 1, "text": ["a", 2]}', "the text is a list, and its entry 1 is of type int"),
        ("train.jsonl", '{"label": 1, "text": ["a", null]}', "the text is a list, and its entry 1 is missing"),
        ("train.jsonl", '{"label": 1, "text": ["a", " "]}', "column 'text': the token 1 of the list is empty"),
        ("train.jsonl", r'{"label": 1, "text": ["b\u0000"]}', "the token 0 of the list holds a NUL character"),
        ("train.jsonl", '{"label": ["a"], "text": "b"}', "the label must be a string or a number, not a list"),
        ("train.jsonl", '{"label": 1, "text": true}', "row 1, column 'text': the text must be a string or a"),
        ("train.jsonl", '{"label": 1, "text": null}', "row 1, column 'text': the text is empty"),
        ("train.jsonl", '{"label": NaN, "text": "a"}', "row 1, column 'label': the label is empty"),
        ("train.parquet", b"PAR1 this is none", "not readable as Parquet"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path, name, content, expected):
    assert expected in message(written(tmp_path / name, content))


def test_parquet_cut_short_or_damaged(tmp_path):
    path = write_parquet(tmp_path / "train.parquet", [("a", f"word {i}") for i in range(1000)])
    content = path.read_bytes()
    assert "not readable as Parquet" in message(written(path, content[: len(content) // 2]))
    path.write_bytes(content[:20] + bytes(200) + content[220:])
    message(path)


def test_parquet_columns_of_the_wrong_kind(tmp_path):
    path = tmp_path / "train.parquet"
    pq.write_table(pa.table({"label": ["a", "a"], "text": [["b"], [None]]}), path)
    assert "row 2, column 'text': the text is a list, and its entry 0 is missing" in message(path)
    pq.write_table(pa.table({"label": ["a"], "text": [b"b"]}), path)
    assert "row 1, column 'text': the text must be a string or a number, not bytes" in message(path)
    pq.write_table(pa.table({"label": pa.array(["a", None]), "text": ["b", "c"]}), path)
    assert "row 2, column 'label': the label is empty" in message(path)
    pq.write_table(pa.table({"label": ["a"], "body": ["b"]}), path)
    assert "there is no text column 'tokens' or 'text'; the columns are 'label', 'body'" in message(path)


def test_empty_parquet(tmp_path):
    assert "holds no documents" in message(write_parquet(tmp_path / "train.parquet", []))


def test_labels_may_be_numbers(tmp_path):
    path = tmp_path / "train.parquet"
    pq.write_table(pa.table({"label": [3.0, 2.5], "text": ["a", "b"]}), path)
    assert read(path).labels == ["3", "2.5"]
    jsonl = tmp_path / "train.jsonl"
    jsonl.write_text('{"label": 3, "text": 12}\n{"label": 4.0, "text": "b"}\n')
    assert read(jsonl).labels == ["3", "4"]
    assert read(jsonl).texts == ["12", "b"]


def test_labels_may_be_dictionary_encoded(tmp_path):
    path = tmp_path / "train.parquet"
    pq.write_table(pa.table({"label": pa.array(["a", "b"]).dictionary_encode(), "text": ["a", "b"]}), path)
    assert read(path).labels == ["a", "b"]


@pytest.mark.parametrize("suffix", WRITERS)
def test_a_document_of_ten_megabytes_fails_fast(tmp_path, suffix):
    path = WRITERS[suffix](tmp_path / f"train.{suffix}", [("a", "b"), ("a", "x" * 10_000_000)])
    began = time.process_time()
    row = 2 if suffix in ("jsonl", "json", "parquet") else 3
    assert f"row {row}, column 'text': the text has 10,000,000 characters" in message(path)
    assert time.process_time() - began < 5


def test_a_line_without_end_is_not_read_whole(tmp_path):
    path = written(tmp_path / "train.tsv", "label\ttext\na\t" + "x" * 17_000_000)
    assert "row 2: the line is longer than 16,000,000 bytes" in message(path)


def test_a_million_characters_are_allowed(tmp_path):
    text = "ä" * 1_000_000
    for suffix in WRITERS:
        assert read(WRITERS[suffix](tmp_path / f"train.{suffix}", [("a", text)])).texts == [text]


def test_a_folder_in_the_place_of_a_file(tmp_path):
    (tmp_path / "train.tsv").mkdir()
    assert message(tmp_path / "train.tsv").endswith("train.tsv is a folder, not a file.")


def test_json_with_other_keys_and_order(tmp_path):
    path = tmp_path / "train.jsonl"
    path.write_text(json.dumps({"text": "b", "id": 1, "label": "a"}) + "\n" + json.dumps({"label": "c", "text": "d"}))
    assert read(path).labels == ["a", "c"]


def test_some_documents_of_a_file(tmp_path):
    file = read_labels(write_tsv(tmp_path / "train.tsv", [("a", str(i)) for i in range(6)]), WantedColumns())
    assert list(file.texts(np.array([True, False, False, True, True, False]))) == ["0", "3", "4"]


@pytest.mark.parametrize("rows", [[("a", "x")], [("a", "x"), ("a", "y")], [("a", "x"), ("b", "y"), ("b", "z")]])
def test_a_file_that_changes_between_two_readings(tmp_path, rows):
    file = read_labels(write_tsv(tmp_path / "train.tsv", [("a", "x"), ("b", "y")]), WantedColumns())
    write_tsv(tmp_path / "train.tsv", rows)
    with pytest.raises(InputError, match=r"train\.tsv: the file was changed while it was read"):
        list(file.texts())
