from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnprobe.data.files.columns import WantedColumns
from attnprobe.data.files.development_split import split_development
from attnprobe.data.files.folder import is_dataset_folder, read_folder
from attnprobe.errors import InputError
from tests.data.folders import write_folder, write_tsv

TWO = [("a", "one"), ("b", "two")]


def message(folder):
    with pytest.raises(InputError) as caught:
        read_folder(folder, WantedColumns())
    assert str(folder) in str(caught.value)
    return str(caught.value)


def test_three_files_are_three_splits(tmp_path):
    folder = write_folder(tmp_path, train=TWO, dev=TWO[:1], test=TWO[1:])
    assert {name: split.texts for name, split in read_folder(folder, WantedColumns()).items()} == {
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
    first, second = (read_folder(folder, WantedColumns()) for _ in range(2))
    assert first == second
    assert Counter(first["dev"].labels) == {"a": 7, "b": 2}
    assert sorted(first["train"].texts + first["dev"].texts) == sorted(text for _, text in train)
    development = zip(first["dev"].labels, first["dev"].texts, strict=True)
    assert first["dev"].rows == [2 + train.index(row) for row in development]


def test_too_small_for_a_development_set(tmp_path):
    assert "too few documents" in message(write_folder(tmp_path, train=TWO, test=TWO))


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=200))
def test_the_split_is_a_partition_with_every_class_in_training(labels):
    training, development = split_development(labels)
    assert sorted(training + development) == list(range(len(labels)))
    assert {labels[i] for i in training} == set(labels)
    sizes, taken = Counter(labels), Counter(labels[i] for i in development)
    for label, size in sizes.items():
        assert abs(taken[label] - size / 10) <= 1
    assert len(development) <= -(-len(labels) // 10)


def test_splits_may_name_their_columns_differently(tmp_path):
    folder = write_folder(tmp_path, train=TWO * 10)
    write_tsv(folder / "test.tsv", TWO, ("category", "tokens"))
    assert read_folder(folder, WantedColumns())["test"].columns.text == "tokens"
