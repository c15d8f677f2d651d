"""`attnprobe run` on Hugging Face models, from the checkpoint to the figures."""

import json

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("transformers")

from attnprobe.cli import main
from tests.fixtures import drawing
from tests.fixtures.checkpoints import bert, byte_level, gpt2, save, t5, unigram, wordpiece


@pytest.fixture(autouse=True)
def _offline(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run(capfd, planted):
    """Run a command on planted documents: exit status, what it says, what it says on standard error, the folder."""

    def execute(model, *arguments, command="run"):
        capfd.readouterr()
        status = main([command, "--dataset", str(planted), "--model", f"hf:{model}", *map(str, arguments)])
        return status, *capfd.readouterr(), planted.parent / "runs" / "planted" / f"hf-{model.name}" / "seed-0"

    return execute


def tables(folder):
    return {file.stem: pd.read_parquet(file) for file in folder.glob("*.parquet")}


def test_a_checkpoint_without_head_is_fine_tuned_probed_and_reported(run, tmp_path, monkeypatch):
    monkeypatch.setenv(drawing.VARIABLE, "head_map head_effects")
    model = save(tmp_path / "tiny", lambda: bert(max_positions=200, initializer_range=0.3), wordpiece)
    options = ("--epochs", 2, "--unit", "word", "--greedy", "--head-map-documents", 12)
    status, out, errors, folder = run(model, *options)
    assert status == 0, errors
    of = tables(folder)
    assert of["head_effects"]["document"].nunique() == 12
    assert len(of["head_effects"]) == 12 * 2 * 2
    assert set(of["erasures"]["ordering"]) >= {"random", "attention", "gradient", "gradient_attention", "greedy"}
    assert not any(column.startswith("contribution") for column in of["items"])
    words = of["items"].groupby("document")["token"].agg(list)
    assert (words.str[0] == "[CLS]").all()
    assert (words.str[-1] == "[SEP]").all()
    assert (words.str.len() == of["documents"]["n"]).all()
    np.testing.assert_allclose(of["items"].groupby("document")["weight"].sum(), 1.0)
    assert (folder / "figures" / "head_effects.png").stat().st_size > 5000
    assert (folder / "tables" / "head_effects.csv").exists()
    assert "Attention heads, each of 4 erased alone in 12 documents" in " ".join(out.split())
    assert "takes --head-map full" in " ".join(out.split())
    assert "no exact smallest set" in " ".join(out.split())
    assert of["attention_maps"]["document"].nunique() == 12
    before = {file: file.read_bytes() for file in folder.glob("*.parquet")}
    (folder / "attention_maps.parquet").unlink()  # as in a run that was made before there was this table
    status, out, _, _ = run(model, *options)
    assert status == 0
    assert "Probing: finished before" in out
    assert {file: file.read_bytes() for file in folder.glob("*.parquet")} == before
    for more, asked in (((), 0), (("--head-map", "full"), 8)):  # asked for later, it is added to what is there
        status, out, errors, _ = run(model, *options[:-1], asked, *more)
        assert status == 0, errors
        assert "Probing: finished before" in out
        assert {file: file.read_bytes() for file in before} == before
    assert tables(folder)["heads"]["document"].nunique() == 8
    assert (folder / "figures" / "head_map.png").stat().st_size > 5000
    assert "Attention heads, each erased alone in 8 documents" in " ".join(out.split())
    assert "takes --head-map full" not in " ".join(out.split())


def test_the_users_text_is_read_shown_and_told_of(tmp_path, capfd):
    texts = ["It  wasn't GOOD.\n\nSentiment: [SEP]", "\tThe café\nwas naïve!", "word0  word1", "Pieces OF words"]
    lines = [json.dumps({"label": "ab"[i % 2], "text": text}) for i, text in enumerate(texts * 5)]
    (tmp_path / "chats").mkdir()
    for split in ("train", "test"):
        (tmp_path / "chats" / f"{split}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    model = save(tmp_path / "own", lambda: bert(classifier=True, max_positions=200, initializer_range=0.5), wordpiece)
    options = ("--dataset", str(tmp_path / "chats"), "--model", f"hf:{model}", "--head-map-documents", "2")
    for unit in ("word", "token"):
        assert main(["run", *options, "--unit", unit, "--out", unit]) == 0
        assert "5 of 20 test documents hold strings that are special tokens" in capfd.readouterr().out
        folder = tmp_path / unit / "chats" / "hf-own" / "seed-0"
        assert json.loads((folder / "summary.json").read_text())["special_strings"] == 5
        items = pd.read_parquet(folder / "items.parquet")
        of_text = items[items["before"].notna()]
        joined = of_text["before"].astype(str) + of_text["token"].astype(str)
        assert joined.groupby(of_text["document"]).sum().tolist() == texts * 5
        assert main(["show", str(folder), "0"]) == 0
        plain = capfd.readouterr().out.replace("~~", "")
        assert "[CLS] It  wasn't GOOD.\n\nSentiment: [SEP]" in plain


def test_given_tokens_are_what_words_are(tmp_path, capfd):
    cells = [["I", "'m", "14-year", "old."], ["can't", "Stop"], ["New York", "!"], ["is", "14-year"]]
    (tmp_path / "lists").mkdir()
    for split in ("train", "test"):
        lines = [json.dumps({"label": "ab"[i % 2], "text": cell}) for i, cell in enumerate(cells * 5)]
        (tmp_path / "lists" / f"{split}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert main(["run", "--dataset", "lists", "--model", "flan-none", "--epochs", "1"]) == 0
    items = pd.read_parquet(tmp_path / "runs" / "lists" / "flan-none" / "seed-0" / "items.parquet")
    assert items.groupby("document")["token"].agg(list).tolist() == cells * 5
    (tmp_path / "strings").mkdir()
    rows = [f"{'ab'[i % 2]}\t{' '.join(cell)}" for i, cell in enumerate(cells * 5)]
    for split in ("train", "test"):
        (tmp_path / "strings" / f"{split}.tsv").write_text("\n".join(["label\ttokens", *rows]) + "\n", encoding="utf-8")
    arguments = ["--dataset", "strings", "--model", "flan-none", "--epochs", "1"]
    assert main(["train", *arguments, "--given-tokens"]) == 0
    folder = tmp_path / "runs" / "strings" / "flan-none" / "seed-0"
    assert json.loads((folder / "config.json").read_text())["settings"]["data"]["given_tokens"] is True
    assert main(["probe", str(folder)]) == 0
    items = pd.read_parquet(folder / "items.parquet")
    assert items.groupby("document")["token"].agg(list).tolist() == [" ".join(cell).split() for cell in cells * 5]
    capfd.readouterr()
    assert main(["train", *arguments]) == 2
    assert "given_tokens True" in capfd.readouterr().err


@pytest.mark.slow
def test_a_classifier_is_tested_as_it_is_in_the_layers_and_heads_asked_for(run, tmp_path):
    model = save(tmp_path / "own", lambda: bert(classifier=True, max_positions=200, initializer_range=0.5), wordpiece)
    status, _, errors, folder = run(model, "--layers", "all", "--heads", "1", "--head-map-documents", 10)
    assert status == 0, errors
    settings = json.loads((folder / "config.json").read_text())["settings"]
    assert settings["training"] is None
    assert settings["attention"]["layers"] == "all"
    assert json.loads((folder / "summary.json").read_text())["engine"] == "replay"
    assert "another --out" in run(model, "--layers", "last", "--heads", "1")[2]


def test_a_language_model_decides_between_words(run, tmp_path):
    model = save(tmp_path / "causal", gpt2, byte_level)
    status, _, errors, folder = run(model, "--label-words", "w,p", "--head-map-documents", 10)
    assert status == 0, errors
    documents = tables(folder)["documents"]
    assert set(documents["decision"]) <= {0, 1}
    assert (documents["p_decision"] >= 0.5).all()


@pytest.mark.slow
def test_a_language_model_decides_on_the_next_token(run, tmp_path):
    model = save(tmp_path / "causal", gpt2, byte_level)
    status, out, errors, folder = run(model, "--head-map-documents", 10)
    assert status == 0, errors
    documents = tables(folder)["documents"]
    assert documents["decision"].max() < 300
    assert (documents["label"] == -1).all()  # no token is a label of the dataset
    assert "The model is right" not in out
    assert len(json.loads((folder / "summary.json").read_text())["classes"]) == documents["decision"].nunique()


@pytest.mark.slow
def test_an_encoder_and_a_decoder(run, tmp_path):
    model = save(tmp_path / "t5", t5, unigram)
    status, _, errors, folder = run(model, "--layers", "cross:last", "--head-map-documents", 10)
    assert status == 0, errors
    assert set(tables(folder)["head_effects"]["stack"]) == {"cross"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--layers", "7"), "--layers 7: there is no 7"),
        (("--layers", "x"), "'x' is not a number"),
        (("--layers", "cross:0"), "no 'cross' attention"),
        (("--heads", "5"), "--heads 5: there is no 5"),
        (("--query", "middle"), "'middle' is not a number"),
        (("--query", "last"), "the output depends on the first row"),
        (("--label-words", "w,p"), "label"),
    ],
)
def test_wrong_selections_are_refused_in_one_sentence(run, tmp_path, arguments, words):
    model = save(tmp_path / "own", lambda: bert(classifier=True, max_positions=200), wordpiece)
    status, _, errors, folder = run(model, *arguments)
    assert status == 2
    assert words in errors
    assert errors.startswith("attnprobe: ")
    assert errors.count("\n") == 1
    assert not list(folder.glob("*.parquet"))


def test_label_words_of_several_tokens_are_refused(run, tmp_path):
    model = save(tmp_path / "causal", gpt2, byte_level)
    assert "is not one token" in run(model, "--label-words", "unbelievably,zzz")[2]
    assert "two or more different words" in run(model, "--label-words", "w,w", "--out", "other")[2]


@pytest.mark.slow
def test_a_classifiers_own_labels_are_matched_by_name(run, tmp_path):
    labels = {0: "Neg", 1: "neither", 2: "POS"}

    def own():
        return bert(classifier=True, max_positions=200, initializer_range=0.5, id2label=labels)

    status, _, errors, folder = run(save(tmp_path / "own", own, wordpiece), "--head-map-documents", 10)
    assert status == 0, errors
    documents = tables(folder)["documents"]
    classes = json.loads((folder / "summary.json").read_text())["classes"]
    assert {int(number): name for number, name in classes.items()}.items() <= labels.items()
    assert set(documents["label"]) == {0, 2}  # whether or not they are ever decided for
