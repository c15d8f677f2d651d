import importlib
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest

from attnprobe.base.errors import InputError
from attnprobe.data.datasets import load_dataset, locate
from attnprobe.data.known_datasets import DATASETS, OF_RECIPES, known_datasets
from attnprobe.data.serrano2019 import folder as folder_module
from attnprobe.data.serrano2019 import hub
from attnprobe.data.serrano2019 import split_rules as splits
from attnprobe.data.serrano2019.recipes import RECIPES, YAHOO_CATEGORIES
from attnprobe.data.serrano2019.split_rules import ClassSizes
from tests.fixtures.dataset_folders import write_folder
from tests.fixtures.serrano2019_originals import (
    document,
    question,
    write_hub,
    write_imdb,
    write_reviews,
    write_yahoo,
)


def names(loaded):
    """The first words of each split's documents, which are their own."""
    splits_ = {name: split.documents() for name, split in loaded.splits.items()}
    return {name: [documents.words_of(i)[0] for i in range(len(documents))] for name, documents in splits_.items()}


def only_folder(cache):
    (made,) = (path for path in cache.iterdir() if path.name != "tokenised")
    return made


def columns(folder, split):
    return pq.read_table(folder / f"{split}.parquet").to_pydict()


@pytest.fixture
def yahoo(tmp_path, monkeypatch):
    """Of each category 40 documents, of which two are too long, and a category that is none of the ten."""
    monkeypatch.setattr(splits, "YAHOO_SIZES", ClassSizes(test=4, pool=20))
    questions = []
    for i, category in enumerate([*YAHOO_CATEGORIES, "Travel"]):
        shapes = [[3, 4]] * 38 + [[2] * 51, [351]]
        questions += [question(category, document(shape, f"q{i}x{j}")) for j, shape in enumerate(shapes)]
    questions.append(question("Sports", " ", None, None))
    write_yahoo(tmp_path / "data" / "yahoo", questions)
    return tmp_path / "data"


@pytest.fixture
def reviews(tmp_path):
    """400 training reviews, every other one at or beyond a limit of `amazon`, and test reviews, one of them blank."""
    shapes = [[5], [2] * 15, [2] * 16, [130], [131]]
    train = [(str(1 + i % 5), document(shapes[i // 5 % 5], f"train{i}")) for i in range(400)]
    test = [(str(1 + i % 5), document([2] * 20, f"test{i}")) for i in range(20)] + [("3", " \\n ")]
    return train, test


def test_yahoo_from_its_xml(yahoo, own_cache):
    loaded = load_dataset("yahoo", data_dir=yahoo)
    assert loaded.name == "yahoo"
    assert loaded.labels == sorted(YAHOO_CATEGORIES)
    assert {split: len(documents) for split, documents in loaded.splits.items()} == {
        "train": 180,
        "dev": 20,
        "test": 40,
    }
    found = names(loaded)
    assert len({name for split in found.values() for name in split}) == 240
    for split in ("train", "dev"):
        documents = loaded.splits[split].documents()
        assert documents.sentences_per_document.max() <= 50
        assert documents.sentence_lengths.max() <= 350
    notes = (only_folder(own_cache) / "SOURCE.md").read_text()
    assert (
        "From FullOct2007.xml.part1, FullOct2007.xml.part2 of Yahoo! Answers (Webscope dataset L6), content " in notes
    )
    assert "| Sports | 18 | 2 | 4 |" in notes
    assert "| all | 180 | 20 | 40 |" in notes
    assert "| of no class of the dataset | 40 |" in notes
    assert "| without a word | 1 |" in notes
    _, _, left_out = notes.partition("| left out | documents |\n|---|---|\n")
    assert sum(int(line.split("|")[2]) for line in left_out.splitlines()) + 240 == 11 * 40 + 1


def test_imdb_from_its_json(tmp_path, own_cache):
    ratings = [*range(1, 11)] * 60
    texts = [document([3, 9], f"r{i}") for i in range(600)]
    write_imdb(tmp_path / "imdb", [*zip(ratings, texts, strict=True), (None, "unrated"), (3, "")])
    loaded = load_dataset("imdb", data_dir=tmp_path)
    assert loaded.labels == [str(rating) for rating in range(1, 11)]
    none = np.zeros(600, dtype=np.int8)
    codes = splits.split_imdb(splits.Pool(np.arange(600), none, none))
    for number, split in enumerate(("train", "dev", "test")):
        assert names(loaded)[split] == [f"r{i}" for i in range(600) if codes[i] == number]
    notes = (only_folder(own_cache) / "SOURCE.md").read_text()
    assert "No limits of length." in notes
    assert "| of no class of the dataset | 1 |\n| without a word | 1 |" in notes


def test_amazon_from_its_csv(tmp_path, reviews, own_cache):
    train, test = reviews
    write_reviews(tmp_path / "amazon", train, test)
    found = names(load_dataset("amazon", data_dir=tmp_path))
    draws = np.random.default_rng(splits.SPLIT_SEED).random(420)
    fits = [i // 5 % 5 not in (2, 4) for i in range(400)]
    assert found["train"] == [f"train{i}" for i in range(400) if draws[i] < 0.9 and fits[i]]
    assert found["dev"] == [f"train{i}" for i in range(400) if draws[i] >= 0.9]
    assert found["test"] == [f"test{i}" for i in range(20)]
    notes = (only_folder(own_cache) / "SOURCE.md").read_text()
    for code, reason in ((2, "too many sentences"), (4, "a sentence too long")):
        assert f"| {reason} | {sum(draws[i] < 0.9 and i // 5 % 5 == code for i in range(400))} |" in notes


def test_yelp_has_limits_of_its_own(tmp_path):
    shapes = {"fits": [2] * 43, "many": [2] * 44, "just": [200], "long": [201]}
    train = [(str(1 + i % 5), document(shape, f"{name}{i}")) for name, shape in shapes.items() for i in range(25)]
    write_reviews(tmp_path / "yelp", train, [("1", "Fine.")], title=False)
    found = names(load_dataset("yelp", data_dir=tmp_path))
    assert {name.rstrip("0123456789") for name in found["train"]} == {"fits", "just"}
    assert len({name.rstrip("0123456789") for name in found["dev"]}) > 2


def test_the_folder_is_made_once_for_the_same_files(tmp_path, reviews, own_cache, monkeypatch):
    data = tmp_path / "data"
    write_reviews(data / "amazon", *reviews)
    first = load_dataset("amazon", data_dir=data)
    made = only_folder(own_cache)
    assert sorted(path.name for path in made.iterdir()) == ["SOURCE.md", "dev.parquet", "test.parquet", "train.parquet"]
    content = {path.name: path.read_bytes() for path in made.iterdir()}
    with monkeypatch.context() as patched:
        patched.setattr(folder_module, "map_chunks", None)
        assert load_dataset("amazon", data_dir=data).fingerprint == first.fingerprint
    shutil.rmtree(made)
    shutil.move(data, tmp_path / "elsewhere")
    assert load_dataset("amazon", data_dir=tmp_path / "elsewhere").fingerprint == first.fingerprint
    assert {path.name: path.read_bytes() for path in only_folder(own_cache).iterdir()} == content
    with (tmp_path / "elsewhere" / "amazon" / "test.csv").open("a") as file:
        file.write('"1","title","One more."\n')
    assert load_dataset("amazon", data_dir=tmp_path / "elsewhere").fingerprint != first.fingerprint


@pytest.mark.slow
def test_memory_is_bounded_by_chunks(tmp_path, reviews, monkeypatch):
    write_reviews(tmp_path / "amazon", *reviews)
    whole = names(load_dataset("amazon", data_dir=tmp_path))
    monkeypatch.setattr(folder_module, "CHUNK_CHARACTERS", 300)
    monkeypatch.setattr(folder_module, "ROWS_WRITTEN_AT_ONCE", 7)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another cache"))
    assert names(load_dataset("amazon", data_dir=tmp_path)) == whole


def test_an_interruption_leaves_nothing(tmp_path, reviews, own_cache, monkeypatch):
    write_reviews(tmp_path / "amazon", *reviews)

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(folder_module, "_write_splits", interrupt)
    with pytest.raises(KeyboardInterrupt):
        load_dataset("amazon", data_dir=tmp_path)
    assert list(own_cache.iterdir()) == []


@pytest.mark.parametrize("suffix", ["tsv", "csv", "parquet"])
def test_ready_splits_are_used_as_they_are(tmp_path, own_cache, suffix):
    rows = [("a", "one word"), ("b", "two")]
    write_folder(tmp_path / "yelp", suffix, train=rows, dev=rows, test=rows)
    assert load_dataset("yelp", data_dir=tmp_path).labels == ["a", "b"]
    assert [path.name for path in own_cache.iterdir()] == ["tokenised"]


def test_a_location_finds_the_same_data_without_the_data_folder(tmp_path, reviews, monkeypatch):
    write_reviews(tmp_path / "amazon", *reviews)
    monkeypatch.chdir(tmp_path.parent)
    location = locate("amazon", tmp_path.relative_to(tmp_path.parent))
    assert location == str(tmp_path / "amazon")
    assert locate(location) == location
    loaded = load_dataset(location)
    assert loaded.name == "amazon"
    assert loaded.fingerprint == load_dataset("amazon", data_dir=tmp_path).fingerprint
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "amazon").symlink_to(tmp_path / "amazon")
    assert load_dataset(locate("amazon", tmp_path / "links")).fingerprint == loaded.fingerprint


def hub_columns(name, texts, numbers):
    recipe = RECIPES[name]
    return {recipe.hub.label: numbers} | {
        column: [part[i] for part in texts] for i, column in enumerate(recipe.hub.texts)
    }


def test_yahoo_from_the_hub(local_hub, own_cache, monkeypatch):
    monkeypatch.setattr(splits, "YAHOO_SIZES", ClassSizes(test=4, pool=20))
    texts = [(f"q{i}?", "" if i % 2 else None, "An answer\\nof two lines.") for i in range(300)]
    revision = RECIPES["yahoo"].hub.revision
    for split, part in (("train", slice(0, 290)), ("test", slice(290, 300))):
        write_hub(
            local_hub,
            "yahoo",
            revision,
            **{split: hub_columns("yahoo", texts[part], [i % 10 for i in range(300)][part])},
        )
    assert locate("yahoo") == f"yahoo@{revision}"
    loaded = load_dataset("yahoo")
    assert {split: len(documents) for split, documents in loaded.splits.items()} == {
        "train": 180,
        "dev": 20,
        "test": 40,
    }
    folder = only_folder(own_cache)
    assert (
        f"From community-datasets/yahoo_answers_topics of the Hugging Face hub, revision {revision}."
        in (folder / "SOURCE.md").read_text()
    )
    for label, text in zip(*columns(folder, "test").values(), strict=True):
        number = int(text.partition("?")[0].removeprefix("q"))
        assert label == YAHOO_CATEGORIES[number % 10]
        assert text == f"q{number}? An answer of two lines."


def test_yelp_from_the_hub_is_yelp_from_its_csv(local_hub, tmp_path):
    train = [(str(1 + i % 5), document([3, 4], f"d{i}")) for i in range(100)]
    test = [("5", 'Fine \\"here\\".\\nTwice.')] * 3
    write_reviews(tmp_path / "data" / "yelp", train, test, title=False)
    for split, rows in (("train", train), ("test", test)):
        part = {"label": [int(stars) - 1 for stars, _ in rows], "text": [text for _, text in rows]}
        write_hub(local_hub, "yelp", RECIPES["yelp"].hub.revision, **{split: part})
    assert load_dataset("yelp").fingerprint == load_dataset("yelp", data_dir=tmp_path / "data").fingerprint
    kept = [path for path in tmp_path.glob("hub cache/**/*") if path.is_file() and path.suffix != ".lock"]
    assert not kept


def test_a_connection_that_breaks_in_the_middle(local_hub, own_cache, monkeypatch):
    part = {"label": [0] * 2000, "text": ["a"] * 2000}
    write_hub(local_hub, "yelp", RECIPES["yelp"].hub.revision, train=part, test=part)
    whole = hub._records

    def broken(*arguments):
        for path in (local_hub / "Yelp").rglob("test-*.parquet"):
            path.unlink()
        yield from whole(*arguments)

    monkeypatch.setattr(hub, "_records", broken)
    assert "downloading Yelp/yelp_review_full from the Hugging Face hub failed" in message("yelp")
    assert list(own_cache.iterdir()) == []


def test_amazon_from_the_hub_records_the_revision_it_found(local_hub, monkeypatch):
    texts = [(document([3], f"d{i}"),) for i in range(60)]
    part = hub_columns("amazon", texts, [1 + i % 5 for i in range(60)])
    write_hub(local_hub, "amazon", "a" * 40, train=part, test=part)

    class Api:
        def dataset_info(self, repository, revision):
            assert (repository, revision) == (RECIPES["amazon"].hub.id, "refs/convert/parquet")
            return type("Info", (), {"sha": "a" * 40})

    import huggingface_hub

    monkeypatch.setattr(huggingface_hub, "HfApi", Api)
    location = locate("amazon")
    assert location == "amazon@" + "a" * 40
    monkeypatch.setattr(huggingface_hub, "HfApi", None)
    loaded = load_dataset(location)
    assert loaded.name == "amazon"
    assert loaded.labels == ["1", "2", "3", "4", "5"]
    monkeypatch.setattr(importlib, "import_module", None)
    assert load_dataset(location).fingerprint == loaded.fingerprint


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (
            {"label": [0, 5], "text": ["a", "b"]},
            "train, row 2, column 'label': the class must be a number from 0 to 4, not '5'",
        ),
        ({"label": ["1 star"], "text": ["a"]}, "must be a number from 0 to 4, not '1 star'"),
        ({"stars": [0], "text": ["a"]}, "train: there is no column 'label'; the columns are 'stars', 'text'"),
    ],
)
def test_a_repository_that_has_changed(local_hub, own_cache, part, expected):
    write_hub(local_hub, "yelp", RECIPES["yelp"].hub.revision, train=part, test=part)
    with pytest.raises(InputError) as caught:
        load_dataset("yelp")
    assert str(caught.value).startswith("Yelp/yelp_review_full@c1f9")
    assert expected in str(caught.value)
    assert list(own_cache.iterdir()) == []


def message(name, data_dir=None):
    with pytest.raises(InputError) as caught:
        load_dataset(name, data_dir=data_dir)
    return str(caught.value)


def test_what_is_said_where_the_hub_cannot_be_reached(tmp_path, no_hub):
    assert message("yahoo", tmp_path) == (
        f"The dataset 'yahoo' is not in {tmp_path / 'yahoo'}, and downloading community-datasets/yahoo_answers_topics "
        "from the Hugging Face hub failed (no network in tests); try again online, or put the files "
        "FullOct2007.xml.part1 and FullOct2007.xml.part2 of Yahoo! Answers (Webscope dataset L6) into "
        f"{tmp_path / 'yahoo'}."
    )
    assert message("yelp") == (
        "The dataset 'yelp' is in no data folder, since there is no --data-dir, and downloading Yelp/yelp_review_full "
        "from the Hugging Face hub failed (no network in tests); try again online, or put the files train.csv and "
        "test.csv of the Yelp full-score reviews of Zhang et al. (2015) into a folder data/yelp and add "
        "--data-dir data."
    )
    assert "downloading yassiracharki/Amazon_Reviews_" in message("amazon", tmp_path)
    assert message("yelp@main").startswith("The dataset 'yelp' is in no data folder")


def test_what_is_said_where_the_hub_has_nothing(tmp_path):
    assert message("imdb", tmp_path) == (
        f"The dataset 'imdb' is not in {tmp_path / 'imdb'}, and no Parquet repository of the Hugging Face hub is known "
        f"to hold it; put the file data.json of the IMDB reviews of Diao et al. (2014) into {tmp_path / 'imdb'}."
    )


def test_what_is_said_without_the_package(tmp_path, monkeypatch):
    def fail(name):
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(importlib, "import_module", fail)
    assert (
        "downloading Yelp/yelp_review_full from the Hugging Face hub needs the package datasets; install it with "
        "pip install 'attnprobe[hub]', or put the files train.csv and test.csv"
    ) in message("yelp", tmp_path)


def test_half_of_the_files(yahoo):
    (yahoo / "yahoo" / "FullOct2007.xml.part2").unlink()
    assert message("yahoo", yahoo) == (
        f"{yahoo / 'yahoo'}: there is FullOct2007.xml.part1, but not FullOct2007.xml.part2; put it there too."
    )


def test_too_few_documents(tmp_path):
    write_reviews(tmp_path / "amazon", [("1", "A.")], [("2", "B.")])
    assert message("amazon", tmp_path).endswith(": no document is left for dev, of 2 that have a text.")


def test_the_four_are_known(tmp_path):
    known = known_datasets(tmp_path)
    assert {name: "hub" in origin for name, origin in OF_RECIPES.items()} == {
        name: recipe.hub is not None for name, recipe in RECIPES.items() if name in OF_RECIPES
    }
    assert known["yahoo"] == known["amazon"] == known["yelp"] == "Hugging Face hub, or your files"
    assert known["imdb"] == "your files"
    write_imdb(tmp_path / "imdb", [])
    assert known_datasets(tmp_path)["imdb"] == str(tmp_path / "imdb")
    assert list(known)[: len(DATASETS)] == list(DATASETS)
