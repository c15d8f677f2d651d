"""Orderings of the reference: those of the package, and certain as far as rounding goes."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from attnprobe.erasure.erasable import Attention, Erasable
from attnprobe.erasure.registered_orderings import GREEDY, OWN, Role, always, chosen_orderings
from attnprobe.verification.orders import FURTHER_KEYS, KEYS, ByKeys, Greedily, Keys, ordering_draws, orders_of
from attnprobe.verification.reference import Reference


class Numbers(Reference):
    """A document with given weights and gradients; items with the same weight and gradient are alike."""

    def __init__(self, weights, gradients):
        super().__init__()
        self.weights, self.gradients = torch.tensor(weights).double(), torch.tensor(gradients).double()
        self.products = self.weights * self.gradients
        self.decision = 0

    def _run(self, erased):
        raise NotImplementedError

    def are_alike(self, one, other):
        return bool(self.weights[one] == self.weights[other] and self.gradients[one] == self.gradients[other])

    def nothing_is_left(self, erased):
        raise NotImplementedError

    def smallest_sets(self, count):
        raise NotImplementedError

    def next_greedily(self, erased):
        left = [item for item in range(self.items) if item not in erased]
        return max(left, key=lambda item: self.products[item]), len(erased) != 1


def random_document(items=9, seed=0):
    rng = np.random.default_rng(seed)
    return Numbers(rng.dirichlet(np.ones(items)), rng.normal(size=items))


def test_every_ordering_of_the_package_is_known():
    in_every_run = {name: each for name, each in OWN.items() if each.fits is always and not each.on_request}
    assert set(KEYS) == {name for name, ordering in in_every_run.items() if ordering.role is not Role.CHANCE}
    assert {name for name, _ in ordering_draws()} == set(in_every_run)
    assert set(FURTHER_KEYS) <= set(OWN) - set(in_every_run)


@pytest.mark.parametrize("seed", [0, 12345, -7])
def test_orders_are_those_of_the_package(seed):
    document = random_document()
    of = (document.weights.log(), document.weights, document.gradients, document.products)
    scores, weights, gradients, products = (one[None] for one in of)
    mask = torch.ones(1, 9, dtype=torch.bool)
    attention = Attention(scores, weights, gradients, products, mask, torch.tensor([9]))
    batch = Erasable(SimpleNamespace(attention=attention), torch.arange(1))
    orders = orders_of(document, seed, greedy=False, draws=7)
    assert set(orders) == set(ordering_draws(7)) > set(ordering_draws())
    for name, draw in orders:
        expected = chosen_orderings(draws=7)[name].rank(batch, torch.tensor([seed]))[draw, 0].tolist()
        for count in range(1, 10):
            assert orders[name, draw].prefix(count) == (expected[:count], True)


def test_a_prefix_is_uncertain_where_its_border_is_a_tie():
    document = random_document(5)
    order = ByKeys(Keys(torch.tensor([3.0, 2.0, 2.000001, 2.0, 1.0]), torch.full((5,), 1e-5)), document)
    assert [order.prefix(count).certain for count in range(1, 6)] == [True, False, False, True, True]
    assert order.prefix(2).items == [0, 2]


def test_it_makes_no_difference_which_of_two_alike_comes_first():
    weights, gradients = [0.4, 0.2, 0.2, 0.2], [1.0, 0.5, 0.5, 0.5]
    assert orders_of(Numbers(weights, gradients), 0, greedy=False)["attention", 0].prefix(2).certain
    other = Numbers(weights, [1.0, 0.5, 0.5, 0.7])
    assert not orders_of(other, 0, greedy=False)["attention", 0].prefix(2).certain


def test_gradients_tie_within_a_share_of_the_largest_and_weights_of_their_own():
    document = Numbers([0.9989, 0.001, 0.0001000005, 0.0001], [-10.0, 1e-5, 0.0, 1.0])
    orders = orders_of(document, 0, greedy=False)
    certain = [[orders[name, 0].prefix(count).certain for count in (1, 2, 3)] for name in ("attention", "gradient")]
    assert certain == [[True, True, False], [True, False, True]]


def test_behind_an_uncertain_greedy_choice_only_all_items_are_certain():
    document = random_document(4)
    order = orders_of(document, 0, greedy=True)[GREEDY, 0]
    assert isinstance(order, Greedily)
    assert [order.prefix(count).certain for count in (1, 2, 3, 4)] == [True, False, False, True]
    assert order.prefix(4).items == torch.argsort(document.products, descending=True).tolist()
