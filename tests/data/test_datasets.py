import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from attnprobe.base.errors import InputError
from attnprobe.data import datasets
from attnprobe.data.datasets import load_dataset
from attnprobe.data.files.labels import sorted_labels
from attnprobe.data.known_datasets import DATASETS, NamedDataset, known_datasets
from tests.fixtures.dataset_folders import WRITERS, write_folder, write_tsv
from tests.fixtures.tokenised_documents import assert_same_documents

TRAIN = [("10", "Ten is a lot. Is it?"), ("9", 'Nine "less", naïve')] * 10
TEST = [("9", "Nine."), ("10", "Ten!")]


@pytest.fixture
def numbers(tmp_path):
    return write_folder(tmp_path / "numbers", train=TRAIN, test=TEST)


def test_a_folder_as_a_dataset(numbers):
    dataset = load_dataset(str(numbers))
    assert dataset.name == "numbers"
    assert dataset.labels == ["9", "10"]
    assert list(dataset.splits) == ["train", "dev", "test"]
    test = dataset.splits["test"].documents()
    assert len(test) == 2
    assert test.labels.tolist() == [0, 1]
    assert test.words_of(1) == ["Ten", "!"]
    assert test.words_per_document.tolist() == [2, 2]
    first = int(hashlib.blake2b(b"Nine.").hexdigest()[:16], 16)
    assert int.from_bytes(int(test.content_hashes[0]).to_bytes(8, "little"), "big") == first
    assert test.content_hashes.dtype == np.uint64


def test_sentences_of_a_document(numbers):
    train = load_dataset(str(numbers)).splits["train"].documents()
    document = train.labels.tolist().index(1)
    assert train.sentences_of(document) == ["Ten is a lot.", "Is it?"]
    assert train.words_of(document) == ["Ten", "is", "a", "lot", ".", "Is", "it", "?"]


@pytest.mark.parametrize("suffix", WRITERS)
def test_every_format_gives_the_same_dataset(numbers, tmp_path, suffix):
    one = load_dataset(str(numbers))
    other = load_dataset(str(write_folder(tmp_path / "other", suffix, train=TRAIN, test=TEST)))
    assert one.fingerprint == other.fingerprint
    assert one.labels == other.labels
    for split in one.splits:
        assert_same_documents(one.splits[split].documents(), other.splits[split].documents())


def test_fingerprint_changes_with_content_columns_and_tokeniser(numbers, tmp_path, monkeypatch):
    prints = [load_dataset(str(numbers)).fingerprint]
    prints.append(load_dataset(str(write_folder(tmp_path / "b", train=TRAIN, test=TEST[::-1]))).fingerprint)
    prints.append(load_dataset(str(write_folder(tmp_path / "c", train=TRAIN, dev=TEST, test=TEST))).fingerprint)
    write_tsv(numbers / "test.tsv", TEST, ("label", "tokens"))
    prints.append(load_dataset(str(numbers)).fingerprint)
    for module in ("content_hashes", "stored_dataset"):
        monkeypatch.setattr(f"attnprobe.data.{module}.tokeniser_version", lambda: "another")
    prints.append(load_dataset(str(numbers)).fingerprint)
    for module in ("content_hashes", "stored_dataset"):
        monkeypatch.setattr(f"attnprobe.data.{module}.SPLIT_SEED", 1)
    prints.append(load_dataset(str(numbers)).fingerprint)
    assert len(set(prints)) == len(prints)
    assert load_dataset(str(numbers)).fingerprint == prints[-1]


RAW = ["Fine!\n\nTwo  spaces, 14-year 'm \U0001f600.", "\tA  <|endoftext|> text\n", "[SEP] it wasn't GOOD "]


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_texts_are_kept_as_they_are(tmp_path, suffix):
    rows = [("ab"[i % 2], text) for i, text in enumerate(RAW * 2)]
    for split in load_dataset(str(write_folder(tmp_path / "raw", suffix, train=rows, test=rows))).splits.values():
        documents = split.documents()
        assert set(documents.texts) <= set(RAW)
        for row, text in enumerate(documents.texts):
            assert "".join(documents.words_of(row)) == "".join(text.split())
        cut = documents.cut(3)
        for row, text in enumerate(cut.texts):
            assert documents.texts[row].startswith(text)
            assert "".join(text.split()) == "".join(documents.words_of(row)[:3])
        assert documents.cut(1000).texts == documents.texts


TOKENS = [["I", "'m", "a", "14-year", "old", "."], ["can't", "!", "New York"], ["fine", "."]]


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_a_list_of_tokens_is_kept_and_a_column_called_tokens_is_not(tmp_path, suffix):
    folders = {}
    for name, texts in (("lists", TOKENS), ("strings", [" ".join(tokens) for tokens in TOKENS])):
        folders[name] = tmp_path / name
        folders[name].mkdir()
        rows = [("ab"[i % 2], text) for i, text in enumerate(texts * 2)]
        for split in ("train", "test"):
            WRITERS[suffix](folders[name] / f"{split}.{suffix}", rows, ("label", "tokens"))
    lists, strings = (load_dataset(str(folder)) for folder in folders.values())
    given = load_dataset(str(folders["strings"]), given_tokens=True)
    of = {name: each.splits["test"].documents() for name, each in zip("lsg", (lists, strings, given), strict=True)}
    assert [of["l"].words_of(row) for row in range(3)] == TOKENS
    assert of["s"].words_of(0) == ["I", "'", "m", "a", "14", "-", "year", "old", "."]
    assert [of["g"].words_of(row) for row in range(3)] == [" ".join(tokens).split() for tokens in TOKENS]
    assert of["l"].sentences_of(1) == ["can't !", "New York"]
    assert of["l"].texts == of["s"].texts == of["g"].texts == [" ".join(tokens) for tokens in TOKENS] * 2
    assert len({lists.fingerprint, strings.fingerprint, given.fingerprint}) == 3
    assert given.fingerprint == load_dataset(str(folders["strings"]), given_tokens=True).fingerprint


SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "movies_rationale"


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the data set movies_rationale")
def test_given_tokens_are_those_of_human_rationales(tmp_path):
    lines = (SHARED / "test.tsv").read_text(encoding="utf-8").splitlines()
    folder = tmp_path / "movies"
    folder.mkdir()
    for split in ("train", "test"):
        (folder / f"{split}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    documents = load_dataset(str(folder), given_tokens=True).splits["test"].documents()
    spans = map(json.loads, (SHARED / "test.rationales.jsonl").read_text(encoding="utf-8").splitlines())
    assert documents.words_per_document.tolist() == [entry["n_tokens"] for entry in spans]


def test_columns_by_name(tmp_path):
    folder = tmp_path / "stars"
    folder.mkdir()
    for split in ("train", "test"):
        write_tsv(folder / f"{split}.tsv", TRAIN, ("stars", "review"))
    dataset = load_dataset(str(folder), text_column="review", label_column="stars")
    assert dataset.labels == ["9", "10"]
    with pytest.raises(InputError, match=r"train\.tsv, row 1: there is no label column 'star'.*--label-column stars\?"):
        load_dataset(str(folder), text_column="review", label_column="star")


def test_names_are_looked_up_in_the_data_folder(numbers, monkeypatch):
    assert load_dataset("numbers", data_dir=numbers.parent).name == "numbers"
    monkeypatch.setenv("ATTNPROBE_DATA", str(numbers.parent))
    assert load_dataset("numbers").name == "numbers"
    monkeypatch.chdir(numbers)
    assert load_dataset(".").name == "numbers"


def test_registered_names_come_first(numbers, monkeypatch):
    entry = NamedDataset("embedded", lambda _: "registered", lambda _: numbers)
    monkeypatch.setitem(DATASETS._entries, "registered", entry)
    assert load_dataset("registered").name == "registered"


def test_unknown_names(numbers):
    with pytest.raises(
        InputError, match=r"no dataset 'number'.*known are .*'docstrings'.*Did you mean 'numbers'\?"
    ) as caught:
        load_dataset("number", data_dir=numbers.parent)
    assert str(numbers.parent) in str(caught.value)
    with pytest.raises(InputError, match="Did you mean 'docstrings'"):
        load_dataset("docstring")
    with pytest.raises(InputError, match="has 5,000 characters"):
        load_dataset("a" * 5000)
    for name in ("a" * 500, "\0", str(numbers / "train.tsv")):
        with pytest.raises(InputError, match="no dataset"):
            load_dataset(name)


def test_known_datasets(numbers):
    (numbers.parent / "something else").mkdir()
    registered = {name: entry.origin for name, entry in DATASETS.items()}
    assert registered["docstrings"] == "embedded"
    assert {"yahoo", "imdb", "amazon", "yelp"} <= set(registered)
    assert known_datasets(numbers.parent) == registered | {"numbers": str(numbers)}
    assert known_datasets(numbers.parent / "missing") == registered


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["10", "9", "-1"], ["-1", "9", "10"]),
        (["10", "9", "x"], ["10", "9", "x"]),
        (["1.5", "01", "1"], ["01", "1", "1.5"]),
        (["inf", "2", "10"], ["10", "2", "inf"]),
    ],
)
def test_order_of_labels(labels, expected):
    assert sorted_labels(labels) == expected


def test_loading_a_cached_dataset_imports_neither_spacy_nor_torch(numbers):
    load_dataset(str(numbers))
    program = (
        "import sys; from attnprobe.data.datasets import load_dataset; load_dataset(sys.argv[1]);"
        "print([name for name in ('spacy', 'torch', 'gensim') if name in sys.modules])"
    )
    root = Path(datasets.__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program, str(numbers)],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(root)},
    )
    assert done.stdout == "[]\n"
