"""Whoever wants to know whether to show a heat map gets, in two commands, an answer that says what it is about."""

import json
import shutil

import pandas as pd
import pytest

pytest.importorskip("transformers")

from tokenizers import processors
from transformers import AutoTokenizer, BertForSequenceClassification, PreTrainedTokenizerFast

import attnprobe
from attnprobe.analysis.finding_runs import find_runs
from attnprobe.cli import main
from tests.fixtures.checkpoints import bert, save, wordpiece
from tests.fixtures.commands import planted_folder

LABELS = {0: "toxic", 1: "threat", 2: "insult"}


def classifier(**settings):
    return bert(classifier=True, max_positions=200, initializer_range=0.5, **settings)


def pair_wordpiece():
    """The tokenizer, which also says how two texts are joined."""
    tokenizer = wordpiece()
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = ["input_ids", "token_type_ids", "attention_mask"]
    given = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer.backend_tokenizer, model_input_names=names, **given)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    base = tmp_path_factory.mktemp("two questions")
    planted_folder(base / "planted", train=4, test=12)
    save(base / "two", classifier, wordpiece)
    save(base / "number", lambda: classifier(num_labels=1), wordpiece)
    several = {"num_labels": 3, "problem_type": "multi_label_classification", "id2label": LABELS}
    save(base / "labels", lambda: classifier(**several), wordpiece)
    return base


@pytest.fixture
def command(capfd, base, monkeypatch):
    """A command in that folder: what it says in one line; it succeeds, or else what it says is an error."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.chdir(base)

    def execute(*arguments, status=0):
        capfd.readouterr()
        left = main(list(map(str, arguments)))
        out, errors = capfd.readouterr()
        assert left == status, errors
        return " ".join((out if status == 0 else errors).split())

    return execute


def run_of(command, base, model, *more, status=0):
    said = command(
        *("run", "--dataset", "planted", "--model", f"hf:{model}", "--head-map-documents", 0, *more), status=status
    )
    return said, base / "runs" / "planted" / f"hf-{model}" / "seed-0"


@pytest.mark.slow
def test_doctor_then_run_answers_of_the_row_that_is_shown_and_of_all_layers(command, base):
    assert "BertForSequenceClassification" in command("doctor", "two")
    said, folder = run_of(command, base, "two")
    last, every = "the last of 2 layers, the first token's row, all 2 heads", "all 2 layers"
    assert f"This is about {last}; items are tokens, special tokens among them. Special tokens hold" in said
    assert f"Does attention explain this model ({last})?" in said
    assert said.index(f"Does attention explain this model ({every}") > said.index(f"model ({last})?")
    assert "Next: the same question of all layers (all-layers/): at most" in said
    of_all = folder / "all-layers"
    config = json.loads((of_all / "config.json").read_text())
    assert config["settings"]["attention"]["layers"] == "all"
    items, others = (pd.read_parquet(each / "items.parquet") for each in (folder, of_all))
    assert items["token"].tolist() == others["token"].tolist()
    assert (items["weight"] - others["weight"]).abs().max() > 1e-3
    for each, about in ((folder, last), (of_all, every)):
        captions = (each / "tables" / "first_flips.tex").read_text()
        for text in ((each / "methods.txt").read_text(), (each / "report.html").read_text(), captions):
            assert about in " ".join(text.replace("&#39;", "'").split())
    assert "all-layers/" in (folder / "methods.txt").read_text()
    assert find_runs([base / "runs" / "planted" / "hf-two"]) == [folder.resolve()]
    before = {file: file.read_bytes() for file in sorted(folder.rglob("*.parquet"))}
    again, _ = run_of(command, base, "two")
    assert again.count("finished before, reusing") == 2
    assert {file: file.read_bytes() for file in before} == before
    assert "2 documents agree" in command("verify", of_all, "--documents", 2)


@pytest.mark.slow
def test_the_second_question_can_be_left_out(command, base):
    for number, more in enumerate((("--also", "none"), ("--layers", "0"))):
        said, _ = run_of(command, base, "two", "--out", f"one-{number}", *more)
        assert "Next:" not in said
        assert said.count("Does attention explain this model") == 1
        assert not list((base / f"one-{number}").rglob("all-layers"))


@pytest.mark.slow
def test_probe_and_identify_answer_the_second_question_too(command, base):
    """As run answers it, also in shares; and where its tables are not those of the run any more, they are made anew."""
    run_of(command, base, "two", "--out", "views")
    folder = base / "views" / "planted" / "hf-two" / "seed-0"
    made, names = folder / "all-layers", ("documents", "erasures", "items")
    before = {name: (made / f"{name}.parquet").read_bytes() for name in names}
    shutil.rmtree(made)
    command("probe", folder, "--also", "none")
    assert not made.exists()
    for share in ("1/2", "2/2"):
        command("probe", folder, "--also", "all", "--shard", share)
    assert "Next: the same question of all layers" in command("probe", folder)
    assert {name: (made / f"{name}.parquet").read_bytes() for name in names} == before
    (made / "documents.parquet").unlink()
    assert "Next: the same question of all layers" in command("identify", folder, "--documents", 2)
    assert {name: (made / f"{name}.parquet").read_bytes() for name in names} == before
    assert "Next:" not in command("probe", folder)
    shutil.rmtree(base / "views")


@pytest.mark.slow
def test_the_second_question_of_a_checkpoint_that_is_fine_tuned_is_of_the_same_model(command, base):
    save(base / "headless", lambda: bert(max_positions=200, initializer_range=0.3), wordpiece)
    said, folder = run_of(command, base, "headless", "--epochs", 1)
    assert said.count("Does attention explain this model") == 2
    one, other = (pd.read_parquet(each / "documents.parquet") for each in (folder, folder / "all-layers"))
    assert one["p_decision"].tolist() == pytest.approx(other["p_decision"].tolist(), abs=1e-6)
    assert not (folder / "all-layers" / "model").exists()


@pytest.mark.slow
def test_special_tokens_can_be_kept_out_of_the_items(command, base):
    said, _ = run_of(command, base, "two", "--out", "out", "--also", "none", "--specials", "out")
    assert "items are tokens, special tokens not: these are never erased. Special tokens hold" in said
    folder = base / "out" / "planted" / "hf-two" / "seed-0"
    items, documents = (pd.read_parquet(folder / f"{name}.parquet") for name in ("items", "documents"))
    assert not items["token"].isin(["[CLS]", "[SEP]"]).any()
    whole = pd.read_parquet(base / "runs" / "planted" / "hf-two" / "seed-0" / "items.parquet")
    held = whole[whole["before"].isna()].groupby("document")["weight"].sum()
    assert documents["left_out_share"].tolist() == pytest.approx(held.tolist(), abs=1e-6)
    assert "items are tokens, special tokens among them" in run_of(command, base, "two", "--also", "none")[0]


def test_a_multi_label_classifier(command, base):
    said, folder = run_of(command, base, "labels", "--also", "none")
    assert "The decision is multi_label (Set of the labels above 0)" in said
    assert "What flips here is not the class, but “Set of the labels above 0” (multi_label)." in said
    assert "Each label by itself" in said
    flips = pd.read_csv(folder / "tables" / "label_flips.csv")
    assert set(flips["label"]) == set(LABELS.values())
    erasures = pd.read_parquet(folder / "erasures.parquet")
    alone = erasures[[f"removed_label_{label}" for label in LABELS]].replace(-1, 10**6).min(axis=1).replace(10**6, -1)
    assert (
        alone.where(~erasures["emptied"], -1).tolist() == erasures["removed"].where(~erasures["emptied"], -1).tolist()
    )
    names = set(json.loads((folder / "summary.json").read_text())["classes"].values())
    assert names <= {"none", *LABELS.values(), *(f"{a} + {b}" for a in LABELS.values() for b in LABELS.values())}
    assert "2 documents agree" in command("verify", folder, "--documents", 2)
    asked = ("--out", "raised", "--also", "none", "--threshold", "0.5")
    assert "Set of the labels above 0.5" in run_of(command, base, "labels", *asked)[0]


def test_a_regression_moves_and_leaves_a_tolerance(command, base):
    said, folder = run_of(command, base, "number", "--also", "none")
    assert "The decision is regression" in said
    assert "Nothing flips here: the model predicts a number" in said
    assert "|Δoutput|" in said
    assert "changes the decision" not in said
    made = {file.stem for name in ("figures", "tables") for file in (folder / name).iterdir()}
    assert made == {"output_moves", "rank_agreement"}
    curves = pd.read_parquet(folder / "curves.parquet")
    by_curve = curves[curves["ordering"] == "attention"].groupby("document")["logit"]
    moved = by_curve.apply(lambda logits: (logits.iloc[1:] - logits.iloc[0]).abs().mean()).mean()
    table = pd.read_csv(folder / "tables" / "output_moves.csv").set_index("ordering")
    assert table.loc["attention", "mean"] == pytest.approx(moved, rel=1e-5)
    assert "there is no decision that could flip" in (folder / "report.html").read_text()
    assert "2 documents agree" in command("verify", folder, "--documents", 2)
    said, _ = run_of(command, base, "number", "--also", "none", "--tolerance", "0.2", "--out", "within", "--curves")
    assert "“The output stays within 0.2” (regression)" in said
    erasures = pd.read_parquet(base / "within" / "planted" / "hf-number" / "seed-0" / "erasures.parquet")
    left = (curves["logit"] - curves.groupby(["document", "ordering", "draw"])["logit"].transform("first")).abs() > 0.2
    first = curves.assign(left=left)[left].groupby(["document", "ordering", "draw"])["removed"].min()
    found = erasures.set_index(["document", "ordering", "draw"])["removed"].loc[first.index]
    assert found.tolist() == first.tolist()
    shutil.rmtree(base / "within")


@pytest.mark.slow
def test_of_a_number_that_cannot_flip_nothing_is_said_twice_and_nothing_of_flips(command, base):
    said, _ = run_of(command, base, "number", "--out", "numbers")
    assert said.count("Does attention explain this model") == 2
    assert said.count("moves the output by") == 2
    assert "to change the decision" not in said
    assert "guarantees it" not in said
    shutil.rmtree(base / "numbers")


def test_what_does_not_fit_is_refused_in_one_sentence(command, base):
    said, _ = run_of(command, base, "number", "--decision", "class", "--out", "refused", status=2)
    assert "its decision is regression, and not class" in said
    said, _ = run_of(command, base, "two", "--threshold", "1", "--out", "refused", status=2)
    assert "--threshold is for --decision one_logit or multi_label, and not for class" in said


def test_a_classifier_of_pairs_from_the_command_line_and_from_python(command, base):
    """A text is split at a mark, and read as the tokenizer reads pairs; both doors give the same numbers."""
    folder = base / "pairs"
    folder.mkdir()
    pairs = [("word0 word1", "plantedpos word2"), ("pieces of words", "plantedneg"), ("naïve café", "we loved it")] * 4
    lines = [f"{'ab'[row % 2]}\t{first} ||| {second}" for row, (first, second) in enumerate(pairs)]
    for split in ("train", "test"):
        (folder / f"{split}.tsv").write_text("\n".join(["label\ttext", *lines]) + "\n", encoding="utf-8")
    model = save(base / "judge", classifier, pair_wordpiece)
    asked = ("--dataset", "pairs", "--model", "hf:judge", "--also", "none", "--head-map-documents", 0)
    command("run", *asked, "--pairs-at", " ||| ")
    items = pd.read_parquet(base / "runs" / "pairs" / "hf-judge" / "seed-0" / "items.parquet")
    loaded = BertForSequenceClassification.from_pretrained(model)
    found = attnprobe.probe(loaded, AutoTokenizer.from_pretrained(model), pairs).items
    assert items["token"].tolist() == found["token"].tolist()
    assert items["token"].tolist().count("[SEP]") == 2 * len(pairs)
    for column in ("weight", "gradient", "js", "logit"):
        assert items[column].tolist() == pytest.approx(found[column].tolist(), abs=1e-6)
    said = command("run", *asked, "--pairs-at", "===", "--out", "none", status=2)
    assert (
        "There is no pair in the text that begins with 'word0 word1 ||| plantedpos word2': '===' is not between" in said
    )
