"""Human rationales beside a split: spans of tokens or of characters, found in the text; files that cannot be so."""

import json
import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnprobe.base.errors import InputError
from attnprobe.data.datasets import load_dataset
from attnprobe.data.files.columns import WantedColumns
from attnprobe.data.limits import within_limits
from attnprobe.data.rationales import MarkedSpans, read_rationales
from attnprobe.settings.data import DataLimits
from tests.fixtures.dataset_folders import write_folder, write_jsonl, write_tsv
from tests.fixtures.rationale_files import write_rationales

TEXTS = ["it wasn't  good , no .", "fine", "a\u00a0b c"]


@pytest.fixture
def split(tmp_path):
    return write_tsv(tmp_path / "test.tsv", [("x", text) for text in TEXTS])


def marked(rationales, annotator="first", texts=TEXTS):
    """What is marked, as strings, by document."""
    spans = rationales.annotators[annotator]
    ends = list(zip(spans.starts.tolist(), spans.ends.tolist(), strict=True))
    return {
        document: [texts[document][start:end] for start, end in ends[first:behind]]
        for document, first, behind in zip(
            spans.documents.tolist(), spans.offsets.tolist(), spans.offsets[1:].tolist(), strict=False
        )
    }


def test_tokens_are_what_whitespace_separates_and_spans_are_of_them_or_of_characters(split):
    lines = [{"row": 2, "spans": [[1, 3]]}, {"row": 0, "spans": [[1, 3], [0, 1]]}, {"row": 1, "spans": []}]
    write_rationales(split.parent, lines)
    write_rationales(split.parent, [{"row": 0, "unit": "character", "spans": [[3, 6]]}], "_b.2")
    rationales = read_rationales(split, WantedColumns())
    assert list(rationales.annotators) == ["first", "b.2"]
    assert marked(rationales) == {0: ["wasn't  good", "it"], 1: [], 2: ["b c"]}
    assert marked(rationales, "b.2") == {0: ["was"]}


def test_the_tokens_of_a_list_are_its_own_whatever_is_in_them(tmp_path):
    split = write_jsonl(tmp_path / "test.jsonl", [("x", ["New York", "is", "big"]), ("x", "New York is")])
    write_rationales(tmp_path, [{"row": 0, "spans": [[0, 1], [2, 3]]}, {"row": 1, "spans": [[0, 1]]}])
    rationales = read_rationales(split, WantedColumns())
    assert marked(rationales, texts=["New York is big", "New York is"]) == {0: ["New York", "big"], 1: ["New"]}


def test_without_files_there_are_none_and_those_of_other_splits_are_not_read(split):
    (split.parent / "train.rationales.jsonl").write_text("nonsense")
    assert read_rationales(split, WantedColumns()) is None


BAD = [
    ('{"row": 0', r"row 1: not valid JSON"),
    ("[1]", r"row 1: not a JSON object"),
    ({"row": 0}, r"row 1: the key 'spans' is missing; the keys are 'row'"),
    ({"row": -1, "spans": []}, r"row 1, column 'row': the number of a document is needed"),
    ({"row": True, "spans": []}, r"row 1, column 'row': the number of a document is needed"),
    ({"row": 3, "spans": []}, r"row 1, column 'row': there is no document 3; test.tsv has 0 to 2"),
    (
        {"row": 1, "spans": [[0, 2]]},
        r"row 1, column 'spans': the span \[0, 2\) is none of document 1, which has 1 token",
    ),
    ({"row": 1, "spans": [[0, 0]]}, r"column 'spans': the span \[0, 0\) is none of document 1"),
    ({"row": 1, "spans": [[0, 5]], "unit": "character"}, r"the span \[0, 5\) is none of document 1, which has 4 char"),
    ({"row": 1, "spans": [[0.5, 1]]}, r"column 'spans': a list of spans \[start, end\] is needed"),
    ({"row": 1, "spans": "all"}, r"column 'spans': a list of spans \[start, end\] is needed"),
    ({"row": 1, "spans": [[0, 1]], "unit": "word"}, r"column 'unit': 'word' is none of 'token', 'character'"),
    ({"row": 1, "spans": [[0, 1]], "unit": ["token"]}, r"column 'unit': a text is needed, one of 'token', 'character'"),
    ('{"row": 0, "spans": [], "row": 1}', r"row 1: the key 'row' is there 2 times"),
    ('{"row": 0, "spans": [], "x": {"y": 0, "y": 0}}', r"row 1: the key 'y' is there 2 times"),
]


@pytest.mark.parametrize(("line", "message"), BAD)
def test_a_line_that_cannot_be_is_refused_in_a_sentence_with_file_and_row(split, line, message):
    path = write_rationales(split.parent, [line])
    with pytest.raises(InputError, match=message) as refused:
        read_rationales(split, WantedColumns())
    assert str(refused.value).startswith(str(path))
    assert "\n" not in str(refused.value)


def test_a_document_that_is_there_twice_is_refused(split):
    write_rationales(split.parent, [{"row": 1, "spans": []}, {"row": 0, "spans": []}, {"row": 1, "spans": []}])
    with pytest.raises(InputError, match="row 3, column 'row': document 1 is there twice, first in row 1"):
        read_rationales(split, WantedColumns())


@pytest.mark.parametrize("annotator", ["_", "_a b", ".bak", "s", "_first"])
def test_a_file_that_names_no_further_annotator_is_refused(split, annotator):
    write_rationales(split.parent, [{"row": 1, "spans": []}])
    write_rationales(split.parent, [{"row": 1, "spans": []}], annotator)
    with pytest.raises(InputError, match="is called"):
        read_rationales(split, WantedColumns())


def test_an_empty_file_and_a_pipe_are_refused(split):
    path = write_rationales(split.parent, [])
    with pytest.raises(InputError, match="holds no rationales"):
        read_rationales(split, WantedColumns())
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(InputError, match="is a pipe"):
        read_rationales(split, WantedColumns())


def test_a_sample_of_a_dataset_has_its_own_documents_rationales(tmp_path):
    rows = [("xy"[number % 2], " ".join(f"w{number}x{place}" for place in range(6))) for number in range(12)]
    write_folder(tmp_path, train=rows, dev=rows, test=rows)
    write_rationales(tmp_path, [{"row": row, "spans": [[row % 5, row % 5 + 1]]} for row in range(1, 12)])
    whole = load_dataset(str(tmp_path))
    part = within_limits(whole, DataLimits(test_documents=7))
    texts = part.splits["test"].documents().texts
    found = marked(part.rationales, texts=texts)
    assert {(texts[d].split()[0][1:].split("x")[0], *words) for d, words in found.items()} == {
        (text.split("x")[0][1:], text.split()[int(text.split("x")[0][1:]) % 5])
        for text in texts
        if not text.startswith("w0x")
    }


@given(st.data())
def test_taking_documents_is_taking_their_spans_one_by_one(data):
    of_each = data.draw(st.dictionaries(st.integers(0, 9), st.lists(st.integers(0, 99), max_size=3), max_size=6))
    documents = np.array(sorted(of_each), dtype=np.int64)
    counts = [len(of_each[document]) for document in documents.tolist()]
    starts = np.array([start for document in documents.tolist() for start in of_each[document]], dtype=np.int64)
    spans = MarkedSpans(documents, np.cumsum([0, *counts]), starts, starts + 1)
    numbers = np.array(sorted(data.draw(st.sets(st.integers(0, 9)))), dtype=np.int64)
    taken = spans.of(numbers)
    expected = {place: of_each[number] for place, number in enumerate(numbers.tolist()) if number in of_each}
    assert expected == {
        document: taken.starts[first:behind].tolist()
        for document, first, behind in zip(
            taken.documents.tolist(), taken.offsets.tolist(), taken.offsets[1:].tolist(), strict=False
        )
    }
    np.testing.assert_array_equal(taken.ends, taken.starts + 1)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["row", "spans", "unit", "x"]), inner),
    max_leaves=8,
)


@settings(max_examples=150)
@given(
    st.lists(
        st.fixed_dictionaries({"row": ANYTHING | st.integers(0, 3), "spans": ANYTHING}, optional={"unit": ANYTHING})
        .map(json.dumps)
        .map(str.encode)
        | st.binary(max_size=30),
        max_size=3,
    )
)
def test_whatever_a_file_holds_it_is_read_or_refused_in_one_sentence(lines):
    with tempfile.TemporaryDirectory() as folder:
        split = write_tsv(Path(folder, "test.tsv"), [("x", text) for text in TEXTS])
        Path(folder, "test.rationales.jsonl").write_bytes(b"\n".join(lines))
        spans, refusal = None, "test.rationales.jsonl"
        try:
            spans = read_rationales(split, WantedColumns()).annotators["first"]
        except InputError as error:
            refusal = str(error)
        assert "\n" not in refusal
        assert "test.rationales.jsonl" in refusal
        if spans is not None:
            sizes = np.array([len(text) for text in TEXTS])[np.repeat(spans.documents, np.diff(spans.offsets))]
            assert ((spans.starts >= 0) & (spans.starts < spans.ends) & (spans.ends <= sizes)).all()
