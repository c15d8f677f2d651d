"""What a way of erasing and a decision of other packages give is checked, and what is wrong with it is said."""

import dataclasses

import pytest
import torch

from attnprobe.base.errors import InputError
from attnprobe.base.registry import is_title
from attnprobe.erasure.decisions.entry import AS_USUAL
from attnprobe.erasure.edits import erase_rows
from attnprobe.erasure.meaning import Meaning
from attnprobe.erasure.registered_decisions import DECISIONS, GIVEN_CLASS, as_set
from attnprobe.erasure.registered_ways import ERASING, WayOfErasing
from attnprobe.erasure.stand_ins import RowsOfAttention, TrainingVectors
from tests.fixtures.entries import HALVES, registered, sure_above

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


TRAINING = TrainingVectors(torch.tensor([1.0, 2.0, 3.0]), torch.randn(9, 3, generator=torch.Generator().manual_seed(1)))


def rows(*shape, training=TRAINING, seeds=None):
    """Rows of attention over values of three numbers (documents, …, keys, 3)."""
    generator = torch.Generator().manual_seed(0)
    documents, keys = shape[0], shape[-1]
    attends = torch.rand(shape, generator=generator) < 0.7
    attends[..., 0] = True
    values = torch.randn(*shape[:-2], keys, 3, generator=generator)
    return RowsOfAttention(values, attends, torch.arange(documents) if seeds is None else seeds, training)


@pytest.mark.parametrize("shape", [(4, 1, 5), (4, 2, 3, 5)])
def test_what_stands_in_is_a_mean_of_the_row_or_of_training_documents_or_one_of_these(shape):
    of = rows(*shape)
    assert all(Meaning(name).stand_ins(of) is None for name in ("renormalise", "zero"))
    (mean,) = Meaning("document_mean").stand_ins(of)
    for place in torch.cartesian_prod(*map(torch.arange, shape[:-1])).tolist():
        attended = of.attends[tuple(place)]
        torch.testing.assert_close(mean[tuple(place)], of.values[tuple(place[:-1])][attended].mean(0))
    (corpus,) = Meaning("corpus_mean").stand_ins(of._replace(training=_by_head(TRAINING, shape)))
    assert torch.equal(corpus, TRAINING.mean.expand(*shape[:-1], 3))


def _by_head(training, shape):
    """The same for each of a row's heads, where it has some."""
    heads = shape[1:-2]
    return TrainingVectors(
        training.mean.expand(*heads, 3), training.sample[:, None].expand(-1, *heads, 3) if heads else training.sample
    )


def test_resampled_documents_differ_belong_to_the_document_and_are_drawn_evenly():
    of = rows(900, 1, 2)
    drawn = Meaning("resample").stand_ins(of)
    assert drawn.shape == (5, 900, 1, 3)
    numbers = (drawn[:, :, 0, None] == TRAINING.sample).all(-1).int().argmax(-1)
    assert all(len(set(of_document)) == 5 for of_document in numbers.T.tolist())
    alone = Meaning("resample").stand_ins(rows(1, 1, 2, seeds=of.seeds[7:8]))
    assert torch.equal(alone[:, 0], drawn[:, 7])
    counts = numbers.flatten().bincount(minlength=9)
    assert float(((counts - 500.0) ** 2 / 500).sum()) < 26.1, "the .999 quantile of χ² with 8 degrees of freedom"


def test_of_fewer_training_documents_than_are_drawn_some_are_drawn_again():
    drawn = Meaning("resample").stand_ins(rows(3, 1, 2, training=TRAINING._replace(sample=TRAINING.sample[:2])))
    assert torch.equal(drawn[0], drawn[2])
    assert not torch.equal(drawn[0], drawn[1])


@pytest.mark.parametrize("name", ["corpus_mean", "resample"])
def test_what_needs_training_documents_says_that_there_are_none(name):
    assert Meaning(name).needs_training
    with pytest.raises(InputError, match=f"The way of erasing {name} needs what attention gives of training documents"):
        Meaning(name).stand_ins(rows(4, 1, 5, training=None))


STAND_INS = {
    "gives nothing": (lambda of: None, "none: its stand_in gives NoneType, but a tensor is needed"),
    "of one shape": (
        lambda of: of.values[0],
        r"stand_in gives a tensor of shape \(5, 3\), but \(2, 4, 1, 3\) is needed",
    ),
    "of one type": (lambda of: of.values[None, :, :1].double(), "its stand_in gives float64 numbers, but float32 is"),
    "NaN": (lambda of: of.values[None, :, :1] * torch.nan, "none: its stand_in gives NaN or infinite numbers"),
    "fails": (lambda of: of.values[99], "theirs fails: IndexError"),
    "writes": (lambda of: of.values.zero_()[None, :, :1], "theirs changes the tensors that it is given"),
}


@pytest.mark.parametrize("kind", STAND_INS)
def test_what_stands_in_is_checked_and_what_is_none_is_refused_by_name(kind):
    stand_in, sentence = STAND_INS[kind]
    theirs = dataclasses.replace(HALVES, stand_in=stand_in, draws=2)
    with registered(theirs=theirs), pytest.raises(InputError, match=sentence):
        Meaning("theirs").stand_ins(rows(4, 1, 5))


def test_one_vector_stands_in_for_all_draws_and_documents_where_it_is_given_so():
    with registered(theirs=dataclasses.replace(HALVES, stand_in=lambda of: of.values[:1, None, :1] * 0 + 7, draws=2)):
        assert torch.equal(Meaning("theirs").stand_ins(rows(4, 1, 5)), torch.full((2, 4, 1, 3), 7.0))


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
        (ERASING, dataclasses.replace(HALVES, title=""), "its title is no text of 1 to 60 characters"),
        (ERASING, dataclasses.replace(HALVES, edit=3), "its edit is no function"),  # type: ignore[arg-type]
        (ERASING, dataclasses.replace(HALVES, stand_in=3), "its stand_in is no function"),  # type: ignore[arg-type]
        (ERASING, dataclasses.replace(HALVES, draws=0), "its draws are no number from 1 to 128"),
        (DECISIONS, HALVES, "it is no attnprobe.Decision, but of the type WayOfErasing"),
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


def test_a_class_of_any_name_can_be_given():
    """A run's configuration keeps titles of a bounded length; names have any."""
    for name in ("x", "n" * 43, "n" * 44, "n" * 5000):
        title = as_set(GIVEN_CLASS, AS_USUAL._replace(given_class=name)).title
        assert is_title(title)
        assert ("…" in title) == (len(name) > 43)
        assert title.startswith(f"‘{name[:20]}")
