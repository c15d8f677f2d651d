"""Classes that are followed beside the decision: their scores are those of attention written out."""

import json

import numpy as np
import pytest
import torch

import attnprobe
from attnprobe.base.errors import InputError
from attnprobe.cli import main
from tests.fixtures.attention_by_hand import SHORT, logits_by_hand, tiny_classifier
from tests.fixtures.dataset_folders import write_folder

LABELS = {0: "toxic", 1: "threat", 2: "insult"}
SCORES = ("probability", "log_probability", "logit")


def scores_by_hand(logits, number, by_itself):
    logits = torch.tensor(logits, dtype=torch.float64)
    p = logits[number].sigmoid() if by_itself else logits.softmax(-1)[number]
    return [float(p), float(p.log()), float(logits[number])]


@pytest.mark.parametrize(
    ("kind", "attention", "layers", "problem"),
    [
        ("bert", "sdpa", "last", "multi_label_classification"),
        ("gpt2", "eager", "all", "single_label_classification"),
        ("llama", "sdpa", "last", "single_label_classification"),
        pytest.param("bert", "eager", "all", "single_label_classification", marks=pytest.mark.slow),
        pytest.param("gpt2", "sdpa", "last", "multi_label_classification", marks=pytest.mark.slow),
        pytest.param("llama", "eager", "all", "multi_label_classification", marks=pytest.mark.slow),
    ],
)
@pytest.mark.samples(1)
def test_scores_of_targets_are_those_of_attention_written_out(kind, attention, layers, problem):
    model, tokenizer = tiny_classifier(kind, attention, num_labels=3, problem_type=problem, id2label=LABELS)
    result = attnprobe.probe(model, tokenizer, SHORT, layers=layers, targets=["insult", 0])
    plain = attnprobe.probe(model, tokenizer, SHORT, layers=layers, curves=True)
    assert plain.curves.equals(result.curves)
    assert plain.items.equals(result.items[plain.items.columns])
    numbers = [2, 0]
    for document, text in enumerate(SHORT):
        items = result.items[result.items["document"] == document]
        curves = result.target_curves[result.target_curves["document"] == document]
        assert curves["target"].unique().tolist() == numbers
        alone = [logits_by_hand(model, tokenizer, text, layers, [item]) for item in range(len(items))]
        order = items["rank_gradient"].to_numpy().argsort().tolist()
        prefixes = [logits_by_hand(model, tokenizer, text, layers, order[:k]) for k in range(len(order) + 1)]
        rest = [logits_by_hand(model, tokenizer, text, layers, order[k:]) for k in range(len(order) + 1)]
        for place, number in enumerate(numbers):
            by_itself = problem.startswith("multi")
            without = np.array([scores_by_hand(logits, number, by_itself) for logits in alone])
            found = items[[f"{score}_target_{place}" for score in SCORES]].to_numpy()
            np.testing.assert_allclose(found, without, atol=1e-5)
            of_target = curves[(curves["target"] == number) & (curves["ordering"] == "gradient")]
            along = np.array([scores_by_hand(logits, number, by_itself) for logits in prefixes])
            np.testing.assert_allclose(of_target[list(SCORES)].to_numpy(), along, atol=1e-5)
            kept = np.array([scores_by_hand(logits, number, by_itself) for logits in rest])
            columns = ["kept_probability", "kept_logit"]
            np.testing.assert_allclose(of_target[columns].to_numpy(), kept[:, [0, 2]], atol=1e-5)


def test_the_decided_class_followed_has_the_scores_of_the_decision():
    model, tokenizer = tiny_classifier("bert", "sdpa", num_labels=2)
    batches = tokenizer(SHORT, padding=True, return_tensors="pt")
    result = attnprobe.probe(model, batches, targets=[0, 1])
    decision = result.documents["decision"].to_numpy()[result.items["document"]]
    for score in SCORES:
        of_decided = np.where(decision == 0, result.items[f"{score}_target_0"], result.items[f"{score}_target_1"])
        np.testing.assert_allclose(of_decided, result.items[score], atol=1e-6)
    assert len(result.target_curves) == 2 * len(result.curves)


@pytest.mark.parametrize(
    ("settings", "targets", "words"),
    [
        ({"num_labels": 3}, ["x"], "targets x: the model has no class of this name"),
        ({"num_labels": 3}, [1, "1"], "targets name one twice"),
        ({"num_labels": 1}, [0], "targets are of models that decide between classes, and not of the decision"),
    ],
)
def test_what_cannot_be_followed_is_refused(settings, targets, words):
    model, tokenizer = tiny_classifier("bert", "sdpa", **settings)
    with pytest.raises(InputError, match=words):
        attnprobe.probe(model, tokenizer, SHORT, targets=targets)


def test_a_run_keeps_what_it_follows_in_every_view_and_is_verified(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    model, tokenizer = tiny_classifier("bert", "sdpa", num_labels=3, id2label=LABELS)
    model.save_pretrained("own")
    tokenizer.save_pretrained("own")
    rows = [("ab"[place % 2], text) for place, text in enumerate(SHORT)]
    write_folder(tmp_path / "data", "jsonl", train=rows, test=rows)
    options = ("--dataset", "data", "--model", "hf:own", "--head-map-documents", "0", "--targets", "insult,toxic")
    assert main(["run", *options, "--given-class", "threat"]) == 0
    told = " ".join(capfd.readouterr().out.split())
    assert "‘threat’ on top, or not" in told
    assert "It is on top in" in told
    assert "The probability and logit of “insult” and “toxic” are kept" in told
    folder = tmp_path / "runs" / "data" / "hf-own" / "seed-0"
    for view in (folder, folder / "all-layers"):
        summary = json.loads((view / "summary.json").read_text())
        assert summary["targets"] == [{"name": "insult", "class": 2}, {"name": "toxic", "class": 0}]
        assert (view / "target_curves.parquet").exists()
        assert main(["verify", str(view)]) == 0
    assert main(["run", "--dataset", "data", "--model", "flan-none", "--targets", "a", "--out", "other"]) == 2
    assert "--targets is for models with several heads or layers" in capfd.readouterr().err
