"""The paragraph for a paper: whole sentences, and every number from the run's files."""

import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnprobe.analysis.bootstrap import LEVEL, RESAMPLES
from attnprobe.analysis.first_flips import FRACTIONS
from attnprobe.analysis.results import RunResults
from attnprobe.analysis.summary import summarise
from attnprobe.cli import main
from attnprobe.reports.methods import REFERENCES, WIDTH, methods
from tests.fixtures.commands import planted_folder
from tests.fixtures.synthetic_runs import write_run
from tests.fixtures.transformer_runs import write_transformer_run

SIZES = np.random.default_rng(3).integers(1, 9, size=17)
TRAINING = {"epochs": 7, "patience": 3, "learning_rate": 0.0125, "batch_documents": 48}
DATA = {
    "labels": ["no", "yes", "maybe"],
    "fingerprint": "0123abcd",
    "documents": {"train": 12345, "dev": 678, "test": 17},
}
MADE = {"attnprobe": "9.8.7", "versions": {"python": "3.11.99", "torch": "2.99.1"}}


def set_config(folder, **entries):
    path = folder / "config.json"
    config = json.loads(path.read_text())
    settings = config["settings"] | entries.pop("settings", {})
    path.write_text(json.dumps(config | entries | {"settings": settings}))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    write_run(folder, SIZES)
    set_config(folder, data=DATA, settings={"training": TRAINING}, **MADE)
    (folder / "training.csv").write_text("epoch,loss,dev_accuracy\n0,1,0.25\n1,1,0.625\n2,1,0.625\n")
    results = RunResults.load(folder)
    return results, summarise(results)


@pytest.fixture(scope="module")
def transformer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("transformer")
    write_transformer_run(folder, [5, 6, 1, 7] * 3, heads=[("self", 2, 3)])
    attention = {"layers": "all", "heads": "0,2", "query": "auto", "aggregate": "max", "label_words": ["good", "bad"]}
    checkpoint = {"name": "tiny", "content": "c0ffee"}
    set_config(folder, checkpoint=checkpoint, settings={"training": None, "attention": attention, "model": "hf:x/tiny"})
    results = RunResults.load(folder)
    return results, summarise(results)


def paragraph(text):
    return " ".join(text.partition("\n\nReferences")[0].split())


def test_it_says_what_was_done(run):
    said = paragraph(methods(*run))
    several = int((SIZES > 1).sum())
    for words in (
        "of the model flan-none on the dataset toy, with the erasure tests of Serrano and Smith (2019)",
        "The dataset (fingerprint 0123abcd) has 3 classes and 12,345 training, 678 development and 17 test documents.",
        "The model was trained with seed 3 by Adam with a learning rate of 0.0125 and batches of at most 48 documents, "
        "for at most 7 epochs and no more than 3 without a gain; of 3 epochs the best on the development documents, "
        "epoch 2 with an accuracy of 0.625, gave the weights.",
        f"Statistics are of the {several} test documents with more than one word; {17 - several} with a single word",
        "To erase a word is to set its attention weight to zero and to renormalise",
        "at random (5 draws a document) and, the largest first, by attention weight",
        "The reference is the smallest set that flips the decision",
        "The run was made with attnprobe 9.8.7, Python 3.11.99 and torch 2.99.1.",
    ):
        assert words in said


def test_a_transformer_has_its_own_sentences(transformer):
    said = paragraph(methods(*transformer))
    for words in (
        "The model is the Hugging Face checkpoint tiny (content c0ffee), tested as it is; the seed of the random "
        "orderings is 3.",
        "This was done at once in all layers and heads 0,2, in the query row that the decision is read from",
        "gradient are the max.",
        "decides between the words good and bad.",
        "Each of 6 attention heads was also erased by itself",
        "erasing greedily by gradient",
    ):
        assert words in said
    assert "smallest set" not in said


def test_it_is_wrapped_whole_sentences_and_references(run, transformer):
    for of_run in (run, transformer):
        text = methods(*of_run)
        assert max(map(len, text.splitlines())) <= WIDTH
        assert text.endswith(".\n")
        parts = text.split("\n\n")
        assert len(parts) == 2 + len(REFERENCES)
        for sentence in re.split(r"(?<=[a-z\])])\. (?=[A-Z])", paragraph(text)):
            assert sentence[0].isupper()
            assert " " in sentence
        assert "None" not in text
        assert "nan" not in text
        assert "{" not in text
        assert text == methods(*of_run)


def test_every_number_is_in_the_files_or_a_constant_of_the_tests(run):
    results, summary = run
    said = re.findall(r"\d+(?:[.,]\d+)*", paragraph(methods(results, summary)))
    files = (results.folder / "config.json").read_text() + (results.folder / "training.csv").read_text()
    written = {number.replace(",", "") for number in said}
    shares = [f"{100 * summary['accuracy'][end]:.1f}" for end in ("value", "low", "high")]
    constants = {"2019", f"{100 * LEVEL:g}", str(RESAMPLES), *(f"{100 * each:g}" for each in FRACTIONS.values())}
    counted = {str(summary["counts"][name]) for name in ("with_several_items", "with_one_item")}
    counted |= {str(len(results.labels)), "3", "2", "5", *shares}  # epochs, the best one, draws
    unknown = {each for each in written - constants - counted if each not in files}
    assert not unknown


@given(
    epochs=st.integers(1, 10**6),
    rate=st.floats(1e-6, 1).map(lambda x: float(f"{x:.4g}")),
    seed=st.integers(0, 10**9),
    documents=st.integers(0, 10**8),
    name=st.text(min_size=1),
)
def test_any_number_that_a_file_says_is_the_one_that_is_told(run, epochs, rate, seed, documents, name):
    results, summary = run
    settings = {"dataset": name, "seed": seed, "training": TRAINING | {"epochs": epochs, "learning_rate": rate}}
    data = DATA | {"documents": {"train": documents, "dev": 1, "test": 1}}
    config = results.config | {"settings": results.config["settings"] | settings, "data": data}
    other = RunResults(results.folder, config, results.total, results.quarantined, results.chosen)
    vars(other).update(several=results.several, first_flips=results.first_flips)
    text = methods(other, summary)
    said = paragraph(text)
    assert f"at most {epochs:,} epoch{'s' * (epochs > 1)} " in said
    assert f"learning rate of {rate:g} " in said
    assert f"with seed {seed} " in said
    assert f"{documents:,} training" in said
    text.encode()
    assert all(each.isprintable() for each in text.replace("\n", ""))


def test_a_run_that_says_little_has_a_short_paragraph(tmp_path):
    write_run(tmp_path, [3, 4])
    set_config(tmp_path, versions="none")
    results = RunResults.load(tmp_path)
    said = paragraph(methods(results, summarise(results)))
    assert "The dataset has 2 classes. The seed is 3." in said
    assert "The run was made" not in said


def test_each_run_has_the_file_and_a_report_makes_the_same_again(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    planted_folder(tmp_path / "planted")
    run = tmp_path / "runs" / "planted" / "flan-none" / "seed-0"
    assert main(["run", "--dataset", "planted", "--model", "flan-none", "--epochs", "1", "--workers", "1"]) == 0
    text = (run / "methods.txt").read_text(encoding="utf-8")
    fingerprint = json.loads((run / "config.json").read_text())["data"]["fingerprint"]
    assert fingerprint in text
    assert "of 1 epoch the best" in paragraph(text)
    (run / "methods.txt").unlink()
    (tmp_path / "planted").rename(tmp_path / "gone")
    (run / "model.safetensors").unlink()
    assert main(["report", str(run)]) == 0
    assert (run / "methods.txt").read_text(encoding="utf-8") == text


def test_it_says_what_was_done_beside_the_first_orders(run):
    results, summary = run
    said, lengths = paragraph(methods(results, summary)), {"short": {"documents": 31}, "longer": {"documents": 8}}
    found = {
        "over_meanings": {"ways": {name: {"title": name.title()} for name in ("renormalise", "zero", "resample")}},
        "in_distribution": {"orderings": {}},
        "better_than_chance": {
            "measure": "aopc",
            "documents": 77,
            "tried": 199,
            "orderings": {"attention": {"better": {}}},
        },
        "certified_sets": {"flips": lengths, "keeps": lengths},
    }
    beside = paragraph(methods(results, summary | found))
    for words in (
        "also erased by 2 other meanings of erasing, “Zero” (zero), “Resample” (resample); a verdict is said to",
        "by a Max-Simes-Fisher p-value",
        "against 199 random orders of the same document, in 77 documents, by the AOPC of the decision's probability",
        "Benjamini and Hochberg finds at a false discovery rate of 5 %",
        "In 31 documents of at most 14 words all sets of words were erased",
        "In 8 longer documents",
    ):
        assert words in beside
        assert words not in said
