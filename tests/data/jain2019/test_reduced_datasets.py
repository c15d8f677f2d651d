"""Datasets with two classes, made of a larger one's folder, or of the treebank's own files."""

import pytest

from attnprobe.base.errors import InputError
from attnprobe.data.datasets import load_dataset, locate
from attnprobe.data.known_datasets import REDUCED, is_of_recipe, known_datasets
from tests.fixtures.dataset_folders import write_folder

LARGER = {
    "sst2": ("sst5", ("very_negative", "negative", "neutral", "positive", "very_positive")),
    "imdb2": ("imdb8", ("1", "4", "5", "7", "10")),
    "sports2": (
        "newsgroups20",
        ("rec.sport.baseball", "sci.med", "rec.autos", "misc.forsale", "rec.sport.hockey"),
    ),
}
CLASSES = {
    "sst2": (["negative", "negative", None, "positive", "positive"], ["negative", "positive"]),
    "imdb2": (["negative", "negative", None, "positive", "positive"], ["negative", "positive"]),
    "sports2": (["baseball", None, None, None, "hockey"], ["baseball", "hockey"]),
}


def rows(labels, split, times):
    return [(label, f"{split}{number} {label} text") for number in range(times) for label in labels]


@pytest.fixture(params=list(LARGER))
def made(request, tmp_path):
    """The name of a dataset, and a data folder with the larger one that it is made of."""
    folder, labels = LARGER[request.param]
    splits = {split: rows(labels, split, times) for split, times in (("train", 4), ("dev", 2), ("test", 3))}
    write_folder(tmp_path / "data" / folder, **splits)
    return request.param, tmp_path / "data"


def expected(name, split, times):
    """Class and first word of each document that is to be there, in the larger folder's order."""
    of, _ = CLASSES[name]
    return [(label, f"{split}{number}") for number in range(times) for label in of if label is not None]


def test_classes_are_put_together_and_splits_and_order_kept(made, own_cache):
    name, data = made
    loaded = load_dataset(name, data_dir=data)
    assert (loaded.name, loaded.labels) == (name, CLASSES[name][1])
    for split, times in (("train", 4), ("dev", 2), ("test", 3)):
        documents = loaded.splits[split].documents()
        found = [(loaded.labels[label], documents.words_of(row)[0]) for row, label in enumerate(documents.labels)]
        assert found == expected(name, split, times)
    (folder,) = (path for path in own_cache.iterdir() if path.name != "tokenised")
    notes = (folder / "SOURCE.md").read_text()
    assert f"of a folder {LARGER[name][0]}, content" in notes
    left_out = 9 * CLASSES[name][0].count(None)
    assert f"| of no class of the dataset | {left_out} |" in notes


def test_a_run_finds_the_same_data_without_the_data_folder(made, own_cache):
    name, data = made
    location = locate(name, data)
    assert location == f"{name}@{data / LARGER[name][0]}"
    assert locate(location) == location
    assert load_dataset(location).fingerprint == load_dataset(name, data_dir=data).fingerprint
    assert load_dataset(location).name == name


def test_ready_splits_go_first(made, own_cache):
    name, data = made
    write_folder(data / name, train=rows("ab", "own", 9), dev=rows("ab", "own", 3), test=rows("ab", "own", 2))
    assert locate(name, data) == str(data / name)
    assert load_dataset(name, data_dir=data).labels == ["a", "b"]


def test_other_content_is_made_anew(made, own_cache):
    name, data = made
    before = load_dataset(name, data_dir=data).fingerprint
    folder, labels = LARGER[name]
    write_folder(data / folder, test=rows(labels, "others", 3))
    assert load_dataset(name, data_dir=data).fingerprint != before


def test_where_there_is_nothing_the_sentence_says_what_to_put_where(tmp_path, own_cache):
    with pytest.raises(InputError) as refused:
        locate("imdb2", tmp_path)
    assert f"put its splits into {tmp_path / 'imdb2'}, or put a folder imdb8, which it can be made of" in str(
        refused.value
    )
    with pytest.raises(InputError, match="no document is left for train"):
        load_dataset(f"imdb2@{write_folder(tmp_path / 'imdb8', train=rows('ab', 'a', 2), test=rows('ab', 'b', 2))}")
    with pytest.raises(InputError, match="there is no such folder"):
        load_dataset(f"sports2@{tmp_path / 'gone'}")


def test_they_are_known(tmp_path):
    known = known_datasets(tmp_path)
    assert {name: known[name] for name in LARGER} == REDUCED
    assert all(map(is_of_recipe, LARGER))


TREES = (
    "(3 (2 It) (4 (4 works) (2 .)))",
    "(2 (2 A) (2 film))",
    "(0 (2 -LRB-) (1 (0 awful) (2 -RRB-)))",
    "(4 great)",
)


def test_the_treebanks_own_files(tmp_path, own_cache):
    folder = tmp_path / "sst2"
    folder.mkdir()
    for split in ("train", "dev", "test"):
        (folder / f"{split}.txt").write_text("".join(f"{tree}\n" for tree in TREES))
    loaded = load_dataset("sst2", data_dir=tmp_path)
    assert loaded.labels == ["negative", "positive"]
    for split in loaded.splits.values():
        documents = split.documents()
        assert [list(documents.words_of(row)) for row in range(3)] == [
            ["It", "works", "."],
            ["(", "awful", ")"],
            ["great"],
        ]
        assert [loaded.labels[label] for label in documents.labels] == ["positive", "negative", "positive"]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (b"It works .", "dev.txt, row 2: the line is not a tree of the treebank"),
        (b"(7 (2 It) (3 works))", "dev.txt, row 2: the line is not a tree of the treebank"),
        (b"", "dev.txt, row 2: the line is not a tree of the treebank"),
        (b"(3 \xff)", "dev.txt, row 2: the line is not UTF-8"),
    ],
)
def test_a_line_that_is_no_tree_is_one_sentence(tmp_path, own_cache, line, sentence):
    folder = tmp_path / "sst2"
    folder.mkdir()
    for split in ("train", "dev", "test"):
        (folder / f"{split}.txt").write_bytes(
            f"{TREES[0]}\n".encode() + (line if split == "dev" else b"(1 bad)") + b"\n"
        )
    with pytest.raises(InputError) as refused:
        load_dataset("sst2", data_dir=tmp_path)
    assert sentence in str(refused.value)
