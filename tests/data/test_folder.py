from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnprobe.base.errors import InputError
from attnprobe.data.files.columns import WantedColumns
from attnprobe.data.files.development_split import SPLIT_SEED, development_documents
from attnprobe.data.files.file_names import is_dataset_folder
from attnprobe.data.files.folder import read_splits, split_files
from tests.fixtures.dataset_folders import write_folder, write_tsv

TWO = [("a", "one"), ("b", "two")]


def read(folder):
    return read_splits(split_files(folder), WantedColumns())


def labels(split):
    return [split.labels[code] for code in split.codes]


def message(folder):
    with pytest.raises(InputError) as caught:
        read(folder)
    assert str(folder) in str(caught.value)
    return str(caught.value)


def test_three_files_are_three_splits(tmp_path):
    folder = write_folder(tmp_path, train=TWO, dev=TWO[:1], test=TWO[1:])
    assert {name: list(split.texts()) for name, split in read(folder).items()} == {
        "train": ["one", "two"],
        "dev": ["one"],
        "test": ["two"],
    }
    assert is_dataset_folder(folder)


def test_no_folder(tmp_path):
    assert "there is no such folder" in message(tmp_path / "none")


@pytest.mark.parametrize("present", ["train", "test"])
def test_missing_file(tmp_path, present):
    missing = {"train": "test", "test": "train"}[present]
    folder = write_folder(tmp_path, **{present: TWO})
    assert f"there is no file {missing}.tsv or {missing}.csv" in message(folder)


def test_a_split_in_two_formats(tmp_path):
    folder = write_folder(tmp_path, train=TWO, test=TWO)
    write_folder(folder, "jsonl", test=TWO)
    assert "the files 'test.tsv', 'test.jsonl' are the same split" in message(folder)


@pytest.mark.parametrize("split", ["dev", "test"])
def test_label_that_train_does_not_have(tmp_path, split):
    folder = write_folder(tmp_path, **{"train": TWO, "test": TWO, split: [*TWO, ("c", "three"), ("d", "four")]})
    expected = f"{split}.tsv, row 4, column 'label': the label 'c' does not occur in train.tsv"
    assert expected in message(folder)


def test_one_class(tmp_path):
    folder = write_folder(tmp_path, train=TWO[:1] * 3, test=TWO[:1])
    assert "train.tsv, column 'label': every document has the label 'a'" in message(folder)


def test_development_set_is_split_off(tmp_path):
    train = [("a", f"text {i}") for i in range(60)] + [("b", f"text {i}") for i in range(60, 80)] + [("c", "last")]
    folder = write_folder(tmp_path, train=train, test=TWO)
    raw = read(folder)
    assert Counter(labels(raw["dev"])) == {"a": 7, "b": 2}
    rows = {name: list(zip(labels(split), split.texts(), strict=True)) for name, split in raw.items()}
    for name in ("train", "dev"):
        assert rows[name] == [row for row in train if row in rows[name]]
        assert len(raw[name]) == len(rows[name])
    assert sorted(rows["train"] + rows["dev"]) == sorted(train)


def test_too_small_for_a_development_set(tmp_path):
    assert "too few documents" in message(write_folder(tmp_path, train=TWO, test=TWO))


@given(st.lists(st.sampled_from("bca"), min_size=1, max_size=200))
def test_the_split_is_a_partition_with_every_class_in_training(labels):
    names = list(dict.fromkeys(labels))
    chosen = development_documents(names, np.array([names.index(label) for label in labels]))
    sizes, taken = Counter(labels), Counter(np.array(labels)[chosen].tolist())
    for label, size in sizes.items():
        assert abs(taken[label] - size / 10) <= 1
        assert taken[label] < size
    assert chosen.sum() <= -(-len(labels) // 10)
    random = np.random.default_rng(SPLIT_SEED)
    for label in "abc":  # class by class, in order of their names: the draws that datasets are known by
        documents = [document for document, own in enumerate(labels) if own == label]
        if documents:
            assert set(random.permutation(documents)[: taken[label]]) == {d for d in documents if chosen[d]}


def test_splits_may_name_their_columns_differently(tmp_path):
    folder = write_folder(tmp_path, train=TWO * 10)
    write_tsv(folder / "test.tsv", TWO, ("category", "tokens"))
    assert read(folder)["test"].columns.text == "tokens"
