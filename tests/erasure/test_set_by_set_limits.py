"""Limits of a score that is only known by asking, against all orders of removal."""

import itertools

import pytest
import torch

from attnprobe.erasure.aopc_limits import Certainty, certainty
from attnprobe.erasure.asked_sets import Answers, AskedDocument
from attnprobe.erasure.set_by_set_limits import limits_set_by_set

SCORES = 2


class Table:
    """A score of every set, drawn at random, and how often one was asked for."""

    def __init__(self, items, seed=0, exponent=1.0):
        generator = torch.Generator().manual_seed(seed)
        drawn = torch.randn(1 << items, SCORES, generator=generator, dtype=torch.float64)
        self.scores, self.asked, self.places = drawn.sign() * drawn.abs() ** exponent, 0, 1 << torch.arange(items)

    def document(self):
        return AskedDocument(len(self.places), self.answer)

    def answer(self, kept):
        self.asked += len(kept)
        scores = self.scores[(kept.long() * self.places).sum(-1)]
        return Answers(scores[:, 0] < 0, scores)

    def areas(self):
        """AOPC of every order (orders, scores)."""
        found = []
        for order in itertools.permutations(self.places.tolist()):
            left = [sum(order[k:]) for k in range(1, len(order) + 1)]
            found.append(self.scores[-1] - self.scores[left].mean(0))
        return torch.stack(found)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("items", range(1, 7))
def test_limits_of_a_few_items_are_the_extremes_over_all_orders(items, seed):
    table = Table(items, seed)
    areas, found = table.areas(), limits_set_by_set(table.document())
    for pair, expected in ((found[:, :2], areas.amin(0)), (found[:, 2:], areas.amax(0))):
        torch.testing.assert_close(pair, expected[:, None].expand(-1, 2), atol=1e-12, rtol=0)
    assert table.asked == 1 << items
    assert set(certainty(found[:, :2])) == set(certainty(found[:, 2:])) == {Certainty.EXACT}


@pytest.mark.parametrize("items", range(1, 7))
def test_a_beam_as_wide_as_a_size_has_sets_finds_the_extremes_and_does_not_know_it(items, monkeypatch):
    monkeypatch.setattr("attnprobe.erasure.set_by_set_limits._WIDEST", 20)
    table = Table(items)
    areas, found = table.areas(), limits_set_by_set(table.document(), exact_items=0)
    torch.testing.assert_close(found[:, 1], areas.amin(0), atol=1e-12, rtol=0)
    torch.testing.assert_close(found[:, 2], areas.amax(0), atol=1e-12, rtol=0)
    assert (found[:, 0] == -torch.inf).all()
    assert (found[:, 3] == torch.inf).all()
    assert set(certainty(found[:, :2])) == {Certainty.ATTAINED}


@pytest.mark.parametrize("width", [1, 3])
def test_what_a_narrow_beam_ends_with_an_order_has(width, monkeypatch):
    monkeypatch.setattr("attnprobe.erasure.set_by_set_limits._WIDEST", width)
    for seed in range(10):
        table = Table(6, seed, exponent=3.0)
        areas, found = table.areas(), limits_set_by_set(table.document(), exact_items=0)
        for score in range(SCORES):
            for attained in found[score, 1:3]:
                assert (areas[:, score] - attained).abs().min() < 1e-12
        assert (found[:, 1] < found[:, 2]).all()


def test_beyond_twelve_items_no_more_sets_are_asked_for_than_beams_hold():
    def answer(kept):
        asked.append(len(kept))
        left = kept.double().sum(-1)
        return Answers(left < 0, left[:, None].expand(-1, SCORES))

    for items, exact in ((12, True), (13, False)):
        asked = []
        found = limits_set_by_set(AskedDocument(items, answer))
        assert bool(torch.isfinite(found).all()) == exact
        # All sets of one size are alike: what is left is (n − 1) / 2 on average.
        torch.testing.assert_close(found[:, 1], torch.full((SCORES,), items - (items - 1) / 2, dtype=torch.float64))
    assert sum(asked) <= 2 * 2 * SCORES * 8 * items**2 / 2 + 2


def test_sets_that_were_all_asked_for_before_are_not_asked_for_again_and_make_limits_exact():
    table = Table(6, seed=1)
    document = table.document()
    document.enumerate()
    found = limits_set_by_set(document, exact_items=0)
    assert table.asked == 1 << 6
    torch.testing.assert_close(found, limits_set_by_set(table.document()), atol=0, rtol=0)
