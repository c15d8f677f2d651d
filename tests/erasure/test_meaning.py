"""What a way of erasing and a decision of other packages give is checked, and what is wrong with it is said."""

import dataclasses

import pytest
import torch

from attnprobe.base.errors import InputError
from attnprobe.erasure.edits import erase_rows
from attnprobe.erasure.meaning import Meaning
from attnprobe.erasure.registered_decisions import DECISIONS
from attnprobe.erasure.registered_ways import ERASING, WayOfErasing
from tests.fixtures.entries import ZERO, registered, sure_above

SCORES = torch.tensor([[0.0, 1.0, 2.0, -torch.inf], [1.0, 0.0, 0.0, 0.0]], dtype=torch.float64)
WEIGHTS = SCORES.softmax(-1)
ERASED = torch.tensor([[True, False, False, False], [False, False, False, False]])
LOGITS = torch.tensor([[0.0, 2.0, 1.0], [1.0, 1.1, 0.9]])


def test_the_default_is_to_renormalise_and_the_class():
    meaning = Meaning()
    assert torch.equal(meaning.edit(WEIGHTS, ERASED, SCORES), erase_rows(WEIGHTS, ERASED, SCORES))
    assert meaning.decide(LOGITS).tolist() == [1, 1]
    assert torch.equal(meaning.probability(LOGITS, torch.tensor([0, 2])), LOGITS.softmax(-1)[[0, 1], [0, 2]])
    assert meaning.names(["a", "b"], [1]) == {1: "b"}


@pytest.mark.parametrize("scores", [None, SCORES])
def test_rows_of_which_nothing_is_erased_stay_as_they_are_whatever_an_entry_makes_of_them(scores):
    with registered(even=WayOfErasing("Even", lambda w, erased, _: ((w > 0) & ~erased).double() / 2)):
        edited = Meaning("even").edit(WEIGHTS, ERASED, scores)
    assert edited[0].tolist() == [0, 0.5, 0.5, 0]
    assert torch.equal(edited[1], WEIGHTS[1])


def test_what_is_erased_is_told_weight_by_weight():
    seen = []
    with registered(seen=WayOfErasing("Seen", lambda w, erased, _: w + 0 * bool(seen.append(erased.shape)))):
        Meaning("seen").edit(torch.rand(2, 3, 4, 5), torch.zeros(2, 1, 1, 5, dtype=torch.bool))
    assert seen == [(2, 3, 4, 5)]


WAYS = {
    "gives nothing": (lambda w, e, s: None, "none: its edit gives NoneType, but a tensor is needed"),
    "of one shape": (lambda w, e, s: w[0], r"none: its edit gives a tensor of shape \(4,\), but \(2, 4\) is needed"),
    "of one type": (lambda w, e, s: w.float(), "none: its edit gives float32 numbers, but float64 is needed"),
    "NaN": (lambda w, e, s: w / 0.0 * 0.0, "none: its edit gives NaN or infinite weights"),
    "of padding": (lambda w, e, s: torch.full_like(w, 0.25), "none: its edit gives weight to keys that the model does"),
    "constant": (lambda w, e, s: w.detach(), "none: its edit is not differentiable"),
    "fails": (lambda w, e, s: w[9], "theirs fails: IndexError: index 9 is out of bounds"),
    "writes": (lambda w, e, s: w.mul_(1.0), "fails: RuntimeError|theirs changes the tensors that it is given"),
    "writes to scores": (lambda w, e, s: w + 0 * s.zero_(), "theirs changes the tensors that it is given"),
}


@pytest.mark.parametrize("kind", WAYS)
def test_a_way_of_erasing_that_is_none_is_refused_by_name(kind):
    edit, sentence = WAYS[kind]
    weights = WEIGHTS.clone().requires_grad_(kind == "constant")
    with registered(theirs=WayOfErasing("Theirs", edit)), pytest.raises(InputError, match=sentence) as error:
        Meaning("theirs").edit(weights, ERASED, SCORES.clone())
    assert "way of erasing theirs" in str(error.value)


DECIDES = {
    "gives a list": (lambda logits: [1, 1], "none: its decide gives list, but a tensor is needed"),
    "of one shape": (
        lambda logits: logits.long(),
        r"its decide gives a tensor of shape \(2, 3\), but \(2,\) is needed",
    ),
    "of one type": (lambda logits: logits.amax(-1), "none: its decide gives float32 numbers, but int64 is needed"),
    "below zero": (lambda logits: -logits.argmax(-1), "none: its decide gives -1, but numbers from 0 on are needed"),
    "fails": (lambda logits: {}["x"], "theirs fails: KeyError: 'x'"),
    "writes": (lambda logits: logits.zero_().argmax(-1), "theirs changes the tensors that it is given"),
}


@pytest.mark.parametrize("kind", DECIDES)
def test_a_decision_that_is_none_is_refused_by_name(kind):
    decide, sentence = DECIDES[kind]
    entry = dataclasses.replace(sure_above(0.5), decide=decide)
    with registered(theirs=entry), pytest.raises(InputError, match=sentence) as error:
        Meaning(decision="theirs").decide(LOGITS.clone())
    assert "decision theirs" in str(error.value)


PROBABILITIES = {
    "of one shape": (lambda logits, _: logits, r"its probability gives a tensor of shape \(2, 3\)"),
    "of one type": (
        lambda logits, decided: decided,
        "none: its probability gives int64 numbers, but float32 is",
    ),
    "NaN": (lambda logits, _: logits.amax(-1) * torch.nan, "none: its probability is nan, but numbers from 0 to 1"),
    "a logit": (lambda logits, _: logits.amax(-1), "none: its probability is 2, but numbers from 0 to 1 are needed"),
    "constant": (lambda logits, _: logits.detach().amax(-1) / 9, "none: its probability is not differentiable"),
    "fails": (lambda logits, decided: logits[decided], "theirs fails: IndexError"),
}


@pytest.mark.parametrize("kind", PROBABILITIES)
def test_a_probability_that_is_none_is_refused_by_name(kind):
    probability, sentence = PROBABILITIES[kind]
    logits = LOGITS.clone().requires_grad_(kind == "constant")
    entry = dataclasses.replace(sure_above(0.5), probability=probability)
    with registered(theirs=entry), pytest.raises(InputError, match=sentence):
        Meaning(decision="theirs").probability(logits, torch.tensor([2, 2]))


@pytest.mark.parametrize("names", [lambda _: "sure", lambda _: [1], lambda _: [""], lambda _: 3])
def test_names_that_are_none_are_refused(names):
    entry = dataclasses.replace(sure_above(0.5), names=names)
    with registered(theirs=entry), pytest.raises(InputError, match="decision theirs is none: its names are no list of"):
        Meaning(decision="theirs").names(["a", "b"], [0])


def test_names_that_there_are_not_are_told_with_those_that_there_are():
    with pytest.raises(InputError, match="There is no way of erasing 'renormalize'; did you mean 'renormalise'"):
        Meaning("renormalize").check()
    with pytest.raises(InputError, match="There is no decision 'klass'; did you mean 'class'"):
        Meaning(decision="klass").check()


@pytest.mark.parametrize(
    ("registry", "entry", "fault"),
    [
        (ERASING, 3, "it is no attnprobe.WayOfErasing, but of the type int"),
        (ERASING, dataclasses.replace(ZERO, title=""), "its title is no text of 1 to 60 characters"),
        (ERASING, dataclasses.replace(ZERO, edit=3), "its edit is no function"),  # type: ignore[arg-type]
        (DECISIONS, ZERO, "it is no attnprobe.Decision, but of the type WayOfErasing"),
        (DECISIONS, dataclasses.replace(sure_above(0.5), title=5), "its title is no text"),
        (
            DECISIONS,
            dataclasses.replace(sure_above(0.5), names=5),
            "its decide, probability and names are no",
        ),
    ],
)
def test_what_cannot_be_an_entry_is_told_by_what_is_wrong(registry, entry, fault):
    assert registry._fits(entry).startswith(fault)
