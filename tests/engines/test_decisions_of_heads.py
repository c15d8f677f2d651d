"""What heads decide that choose no class: recognised, and erased in as a hand-written attention says it."""

import math
from typing import Any

import pandas as pd
import pytest
import torch

import attnprobe
from attnprobe.attention.decisions import own_decision
from attnprobe.base.errors import InputError
from tests.fixtures.attention_by_hand import SHORT, logits_by_hand, tiny_classifier
from tests.fixtures.checkpoints import TEXTS, wordpiece

LABELS = {0: "toxic", 1: "threat", 2: "insult"}


def sigmoid(number: float) -> float:
    return 1 / (1 + math.exp(-number))


DECISIONS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "class": ({"num_labels": 3}, {}),
    "one_logit": ({"num_labels": 1}, {"decision": "one_logit", "threshold": 0.1}),
    "multi_label": ({"num_labels": 3, "problem_type": "multi_label_classification"}, {"threshold": 0.05}),
    "regression": ({"num_labels": 1}, {"tolerance": 0.05}),
    "given_class": ({"num_labels": 3, "id2label": LABELS}, {"given_class": "toxic"}),
}


def decided_by_hand(decision: str, logits: list[float], whole: list[float]) -> tuple[int, float, float]:
    """The number of what is decided, its probability and its logit; of a regression whether it has left."""
    if decision == "class":
        first = max(range(3), key=lambda place: whole[place])
        now = max(range(3), key=lambda place: logits[place])
        return now, math.exp(logits[first]) / sum(map(math.exp, logits)), logits[first]
    if decision == "given_class":
        ahead, share = logits[0] - max(logits[1:]), math.exp(logits[0]) / sum(map(math.exp, logits))
        on_top = whole[0] > max(whole[1:])
        return int(ahead > 0), share if on_top else 1 - share, ahead if on_top else -ahead
    if decision == "one_logit":
        sign = 1 if whole[0] > 0.1 else -1
        return int(logits[0] > 0.1), sigmoid(sign * logits[0]), sign * logits[0]
    if decision == "regression":
        return int(abs(logits[0] - whole[0]) > 0.05), math.nan, logits[0]
    p = 1.0
    for now, first in zip(logits, whole, strict=True):
        p *= sigmoid(now if first > 0.05 else -now)
    return sum(2**place for place, logit in enumerate(logits) if logit > 0.05), p, math.nan


def columns_of_curve(result: Any, document: int, ordering: str) -> pd.DataFrame:
    rows = result.curves
    return rows[(rows["document"] == document) & (rows["ordering"] == ordering) & (rows["draw"] == 0)]


@pytest.mark.parametrize(
    ("kind", "attention"),
    [
        ("bert", "sdpa"),
        ("bert", "eager"),
        ("gpt2", "sdpa"),
        ("llama", "eager"),
        pytest.param("gpt2", "eager", marks=pytest.mark.slow),
        pytest.param("llama", "sdpa", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("decision", DECISIONS)
@pytest.mark.samples(6)
def test_engines_decide_as_attention_written_out(kind, attention, decision):
    """Every prefix of two orderings: probability and logit within 1e-5, and the first flip the same."""
    settings, asked = DECISIONS[decision]
    chosen = "all" if decision in ("one_logit", "multi_label") else "last"
    model, tokenizer = tiny_classifier(kind, attention, **settings)
    result = attnprobe.probe(model, tokenizer, SHORT, layers=chosen, curves=True, **asked)
    assert result.meaning.decision == decision
    flipped = 0
    for document, text in enumerate(SHORT):
        items = result.items[result.items["document"] == document]
        whole = logits_by_hand(model, tokenizer, text, chosen, [])
        first = decided_by_hand(decision, whole, whole)[0]
        for ordering in ("attention", "gradient"):
            places = items["position"].to_numpy()[items[f"rank_{ordering}"].to_numpy().argsort()].tolist()
            prefixes = [logits_by_hand(model, tokenizer, text, chosen, places[:k]) for k in range(len(places) + 1)]
            found = [decided_by_hand(decision, logits, whole) for logits in prefixes]
            curve = columns_of_curve(result, document, ordering)
            expected = pd.DataFrame(found, columns=["number", "probability", "logit"])
            for column in ("probability", "logit"):
                assert curve[column].tolist() == pytest.approx(expected[column].tolist(), abs=1e-5, nan_ok=True)
            rows = result.erasures[
                (result.erasures["document"] == document) & (result.erasures["ordering"] == ordering)
            ]
            removed = next((k for k, each in enumerate(found) if each[0] != first), -1)
            assert rows["removed"].item() == removed
            flipped += removed > 0
            if decision == "multi_label":  # and each label by itself, but for what changes with nothing left
                for label in range(3):
                    signs = [logits[label] > 0.05 for logits in prefixes[:-1]]
                    alone = next((k for k, sign in enumerate(signs) if sign != signs[0]), -1)
                    assert rows[f"removed_label_{label}"].item() == alone
    assert flipped


def classifier(**settings):
    return tiny_classifier("bert", "sdpa", **settings)[0]


@pytest.mark.parametrize(
    ("settings", "decision"),
    [
        ({"num_labels": 1}, "regression"),
        ({"num_labels": 1, "problem_type": "multi_label_classification"}, "one_logit"),
        ({"num_labels": 3, "problem_type": "multi_label_classification"}, "multi_label"),
        ({"num_labels": 2}, "class"),
        ({"num_labels": 2, "problem_type": "single_label_classification"}, "class"),
    ],
)
def test_a_head_says_what_it_decides(settings, decision):
    assert own_decision(classifier(**settings)) == decision


def test_nothing_flips_of_a_number_but_it_moves():
    result = attnprobe.probe(classifier(num_labels=1), wordpiece(), TEXTS)
    assert (result.erasures["removed"] == -1).all()
    assert not result.erasures["emptied"].any()
    assert result.documents["p_decision"].isna().all()
    assert result.items["js"].isna().all()
    curve = columns_of_curve(result, 0, "attention")["logit"]
    assert curve.nunique() > 5
    assert "there is no decision that could flip" in result._repr_html_()


def test_one_logit_is_two_logits_of_which_one_is_zero():
    """A sigmoid's decision is that of a softmax over (0, z): same flips, probabilities and divergences."""
    one = classifier(num_labels=1)
    two = classifier(num_labels=2)
    state = {name: value for name, value in one.state_dict().items() if not name.startswith("classifier.")}
    weight, bias = one.classifier.weight.detach(), one.classifier.bias.detach()
    state |= {"classifier.weight": torch.cat([0 * weight, weight]), "classifier.bias": torch.cat([0 * bias, bias])}
    two.load_state_dict(state)
    a = attnprobe.probe(one, wordpiece(), TEXTS, decision="one_logit")
    b = attnprobe.probe(two, wordpiece(), TEXTS)
    for table, columns in (
        ("documents", ["decision", "p_decision", "output_entropy"]),
        ("items", ["js", "flips", "gradient"]),
    ):
        for column in columns:
            assert getattr(a, table)[column].tolist() == pytest.approx(getattr(b, table)[column].tolist(), abs=1e-6)
    assert a.erasures["removed"].tolist() == b.erasures["removed"].tolist()


@pytest.mark.parametrize(
    ("settings", "asked", "words"),
    [
        ({"num_labels": 1}, {"decision": "class"}, "its decision is regression, and not class"),
        ({"num_labels": 2}, {"decision": "one_logit"}, "gives 2 logits, and the decision one_logit is for 1"),
        (
            {"num_labels": 2},
            {"threshold": 1},
            "threshold is for the decision one_logit or multi_label, and not for class",
        ),
        ({"num_labels": 1}, {"tolerance": -1}, "tolerance is -1.0, but a finite number above 0 is needed"),
        ({"num_labels": 1}, {"threshold": math.nan, "decision": "one_logit"}, "but a finite number is needed"),
        ({"num_labels": 32, "problem_type": "multi_label_classification"}, {}, "is for 1 to 31"),
        ({"num_labels": 2}, {"decision": "given_class"}, "The decision given_class needs a given_class"),
        ({"num_labels": 2}, {"given_class": "x"}, "the model has no class of this name; it has 'LABEL_0', 'LABEL_1'"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(settings, asked, words):
    with pytest.raises(InputError) as refusal:
        attnprobe.probe(classifier(**settings), wordpiece(), TEXTS, **asked)
    assert words in str(refusal.value)
    assert len(str(refusal.value).splitlines()) == 1


def test_a_given_class_of_two_is_on_top_where_it_is_decided_for():
    """Of two classes it is the usual decision: same flips, probabilities and divergences, whichever is asked for."""
    model = classifier(num_labels=2)
    usual = attnprobe.probe(model, wordpiece(), TEXTS)
    for number in (0, 1):
        asked = attnprobe.probe(model, wordpiece(), TEXTS, given_class=number)
        assert asked.erasures["removed"].tolist() == usual.erasures["removed"].tolist()
        assert (asked.documents["decision"] == (usual.documents["decision"] == number)).all()
        for column in ("p_decision", "output_entropy"):
            assert asked.documents[column].tolist() == pytest.approx(usual.documents[column].tolist(), abs=1e-6)
        assert asked.items["js"].tolist() == pytest.approx(usual.items["js"].tolist(), abs=1e-6)
    assert set(asked.class_names.values()) <= {"1", "not 1"}


def test_batches_know_a_given_class_by_its_number():
    model, tokenizer = tiny_classifier("bert", "sdpa", num_labels=3)
    batches = tokenizer(SHORT, padding=True, return_tensors="pt")
    of_batches = attnprobe.probe(model, batches, given_class=1).documents
    of_texts = attnprobe.probe(model, tokenizer, SHORT, given_class=1).documents
    assert of_batches["decision"].tolist() == of_texts["decision"].tolist()
    with pytest.raises(InputError, match="give a number for given_class='threat'"):
        attnprobe.probe(model, batches, given_class="threat")
    with pytest.raises(InputError, match="of which none is number 3"):
        attnprobe.probe(model, batches, given_class=3)
