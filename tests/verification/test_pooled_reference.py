"""The slow reference of pooled models, against closed forms and against looking at every set."""

import itertools

import numpy as np
import pytest
import torch

from attnprobe.erasure.battery import run_battery
from attnprobe.erasure.correlation_names import CORRELATIONS
from attnprobe.erasure.meaning import BY_DEFAULT, Meaning
from attnprobe.models.pooled.architectures import POOLED
from attnprobe.models.pooled.probe import PooledProbe
from attnprobe.settings.dropout import Dropout
from attnprobe.verification.pooled_reference import PooledReference
from attnprobe.verification.reference import ROUNDING, Reference
from attnprobe.verification.sufficient_sets import fewest_items, necessary_items
from tests.fixtures.entries import registered, sure_above
from tests.fixtures.ragged_documents import random_documents

CLASSES = 3


def model_of(name, seed=0):
    torch.manual_seed(seed)
    model = POOLED[name](30, CLASSES, Dropout()).double().eval()
    with torch.no_grad():  # so that attention and readout are far from uniform
        model.attention.query.weight.mul_(8)
        model.head.weight.mul_(8)
        model.head.bias.normal_()
    return model


@pytest.fixture(scope="module", params=["flan-rnn", "flan-none", "han-none"])
def documents(request):
    """References of documents, and what the closed forms say of the whole padded batch."""
    model, encoded = model_of(request.param), random_documents(12, CLASSES, sentences=4, words=3)
    erasures = PooledProbe(model).erasures(encoded.batch(np.arange(len(encoded))))
    return [PooledReference(model, encoded.batch(np.array([row]))) for row in range(len(encoded))], erasures


def test_weights_gradients_and_decisions_are_those_of_the_closed_form(documents):
    references, erasures = documents
    attention = erasures.attention
    for row, reference in enumerate(references):
        real = attention.mask[row]
        for one, other in (("weights", attention.weights), ("gradients", attention.gradients)):
            torch.testing.assert_close(getattr(reference, one), other[row, real], rtol=1e-6, atol=1e-6)
        assert reference.decision == erasures.decision()[row]
        assert len(reference.weights) == reference.items


def test_erasing_one_item_is_what_it_is_in_the_closed_form(documents):
    references, erasures = documents
    single = erasures.single_effects()
    for row, reference in enumerate(references):
        for item in range(reference.items):
            assert reference.js([item]) == pytest.approx(float(single.js[row, item]), abs=1e-7)
            assert reference.flips([item]) in (bool(single.flips[row, item]), None)


def test_the_smallest_sets_hold_one_that_flips_as_soon_as_any_set_does(documents):
    references, _ = documents
    compared = 0
    for reference in references:
        if reference.items > 8:
            continue
        for count in range(1, reference.items + 1):
            among_all = {reference.flips(s) for s in itertools.combinations(range(reference.items), count)}
            if None in among_all:
                continue
            compared += 1
            assert (True in {reference.flips(s) for s in reference.smallest_sets(count)}) == (True in among_all)
    assert compared > 20


def test_everything_erased_leaves_the_bias(documents):
    references, erasures = documents
    for reference in references:
        torch.testing.assert_close(reference.logits(range(reference.items)), erasures._contributions.bias)


def test_copies_side_by_side_are_runs_one_by_one(documents):
    for reference in documents[0]:
        sets = [set(range(k)) for k in range(reference.items + 1)] + [{k} for k in range(reference.items)]
        reference.run_each(sets)
        for erased in sets:
            torch.testing.assert_close(
                reference.logits(erased), reference._run(frozenset(erased)), rtol=1e-12, atol=1e-12
            )


def test_the_same_word_twice_is_alike_and_another_is_not():
    model = model_of("flan-none")
    encoded = random_documents(1, CLASSES, vocabulary=8, sentences=1, words=9, seed=4)
    words = encoded.batch(np.array([0])).words.tolist()
    reference = PooledReference(model, encoded.batch(np.array([0])))
    assert len(set(words)) < len(words)
    for one, other in itertools.combinations(range(len(words)), 2):
        assert reference.are_alike(one, other) == (words[one] == words[other])


@pytest.mark.parametrize("name", ["flan-rnn", "han-none"])
def test_another_way_and_decision_are_followed(name):
    model, encoded = model_of(name), random_documents(12, CLASSES, sentences=4, words=3)
    flipped = []
    with registered(sure=sure_above(0.7)):
        meaning = Meaning("zero", "sure")
        erasures = PooledProbe(model, meaning).erasures(encoded.batch(np.arange(len(encoded))))
        single = erasures.single_effects()
        for row in range(len(encoded)):
            reference = PooledReference(model, encoded.batch(np.array([row])), meaning)
            attention, real = erasures.attention, erasures.attention.mask[row]
            assert reference.decision == erasures.decision()[row]
            for one, other in (("weights", attention.weights), ("gradients", attention.gradients)):
                torch.testing.assert_close(getattr(reference, one), other[row, real], rtol=1e-6, atol=1e-6)
            probability = float(reference.probability(reference.logits()))
            assert probability == pytest.approx(float(erasures.probability()[row]), abs=1e-9)
            for item in range(reference.items):
                assert reference.js([item]) == pytest.approx(float(single.js[row, item]), abs=1e-7)
                assert reference.flips([item]) in (bool(single.flips[row, item]), None)
                flipped.append(reference.flips([item]))
    assert {True, False} <= set(flipped)


class Readings(Reference):
    """Of two items: logits by what is erased."""

    def __init__(self, logits, meaning=BY_DEFAULT):
        super().__init__(meaning)
        self.weights = self.gradients = self.products = torch.full((2,), 0.5)
        self.decision = 0
        self.runs = 0
        self._given = {frozenset(erased): torch.tensor(row) for erased, row in logits.items()}

    def _run(self, erased):
        self.runs += 1
        return self._given[erased]

    def nothing_is_left(self, erased):
        raise NotImplementedError

    def smallest_sets(self, count):
        raise NotImplementedError

    def next_greedily(self, erased):
        raise NotImplementedError


@pytest.mark.parametrize(
    ("logits", "flips"),
    [([2.0, 1.0], False), ([1.0, 2.0], True), ([0.00005, 0.0], None), ([100.0, 100.005], None), ([100.0, 100.1], True)],
)
def test_a_flip_within_rounding_of_the_largest_logit_is_none(logits, flips):
    assert Readings({(0,): logits}).flips([0]) is flips


@pytest.mark.parametrize(
    ("logits", "flips"),
    [([0.0, 0.0], True), ([2.0, 0.0], False), ([0.0, -2.0], False), ([0.0, 0.84732], None), ([0.0, 0.84], True)],
)
def test_a_flip_of_another_decision_is_a_matter_of_rounding_where_a_logit_moved_by_it_decides_otherwise(logits, flips):
    """The largest of two probabilities is .7 where the logits are .8473 apart."""
    with registered(sure=sure_above(0.7)):
        reference = Readings({(0,): logits, (): logits}, Meaning(decision="sure"))
        reference.decision = 1
        assert reference.flips([0]) is flips
        assert reference.may_decide(1) is (flips is not True)
        assert reference.may_decide(0) is (flips is not False)


def test_what_was_run_is_remembered_in_any_order():
    reference = Readings({(0, 1): [1.0, 0.0]})
    assert reference.flips([0, 1]) is reference.flips([1, 0]) is False
    assert reference.runs == 1


def test_divergence_of_opposite_certainties_is_log_two():
    reference = Readings({(): [50.0, -50.0], (0,): [-50.0, 50.0], (1,): [50.0, -50.0]})
    assert reference.js([0]) == pytest.approx(np.log(2))
    assert reference.js([1]) == 0


@pytest.mark.parametrize("name", ["jain-lstm", "jain-average", "flan-conv"])
def test_correlations_are_those_of_the_battery(name):
    model, encoded = model_of(name), random_documents(10, CLASSES, sentences=3, words=4)
    batch, every = encoded.batch(np.arange(10)), torch.arange(10)
    result = run_battery(PooledProbe(model).erasures(batch), every, correlated=every)
    for row in range(10):
        reference = PooledReference(model, encoded.batch(np.array([row])))
        found = reference.correlations()
        assert set(found) == (set(CORRELATIONS) if reference.items > 1 else set())
        for column, (tau, slack) in found.items():
            stored = float(result.documents[column][row])
            assert stored == pytest.approx(tau, abs=slack + 1e-9, nan_ok=True)
            assert slack < 0.3


def test_no_item_may_be_enough_where_that_is_a_matter_of_rounding():
    """All of a document's items speak for the decision, so faintly that the reference cannot say that none flips it."""
    model, encoded = model_of("flan-none"), random_documents(1, CLASSES, sentences=2, words=3)
    with torch.no_grad():
        model.head.weight.zero_()
        model.head.bias.zero_()[0] = ROUNDING / 2
    reference = PooledReference(model, encoded.batch(np.array([0])))
    assert reference.flips([]) is None
    assert fewest_items(reference)[0] == 0
    assert necessary_items(reference)[0] == 0
