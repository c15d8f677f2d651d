import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import attnprobe
from attnprobe.base.errors import InputError
from attnprobe.erasure.battery import run_battery
from attnprobe.erasure.orderings import ORDERINGS, Evidence, Ordering, softmax_of_scores
from attnprobe.models.pooled.probe import PooledErasures
from tests.strategies import cases


def by_hand(keys, mask):
    """Positions sorted by descending key, ties to the earlier one, padding last."""
    positions = range(len(keys))
    return sorted(positions, key=lambda i: (not mask[i], -keys[i] if mask[i] else 0, i))


numbers = st.lists(st.sampled_from([0.0, 0.25, 0.5, -1.0, 3e-39, 1.0]), min_size=6, max_size=6)
masks = st.lists(st.booleans(), min_size=6, max_size=6)


@given(numbers, masks)
def test_rankings_are_stable_descending_with_padding_last(keys, mask):
    tensor, real = torch.tensor(keys, dtype=torch.float64), torch.tensor(mask)
    expected = by_hand(keys, mask)
    assert attnprobe.rank_by_attention(tensor.abs(), real).tolist() == by_hand([abs(k) for k in keys], mask)
    assert attnprobe.rank_by_gradient(tensor, real).tolist() == expected
    halves = torch.full_like(tensor, 0.5)
    assert attnprobe.rank_by_gradient_attention(halves, tensor, real).tolist() == expected


def test_padding_holding_anything_stays_last_even_behind_scores_of_minus_infinity():
    scores = torch.tensor([[float("nan"), -torch.inf, 2.0, 5.0]])
    mask = torch.tensor([[False, True, True, False]])
    assert attnprobe.rank_by_attention(None, mask, scores=scores).tolist() == [[2, 1, 0, 3]]


def test_scores_order_what_has_underflowed():
    scores = torch.tensor([[300.0, 0.0, 1.0]])
    weights = torch.softmax(scores, -1)
    assert attnprobe.rank_by_attention(weights).tolist() == [[0, 1, 2]]
    assert attnprobe.rank_by_attention(weights, scores=scores).tolist() == [[0, 2, 1]]
    gradients = torch.ones_like(scores)
    assert attnprobe.rank_by_gradient_attention(weights, gradients, scores=scores).tolist() == [[0, 2, 1]]


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_numbers_that_are_none_name_their_document(bad):
    table = torch.ones(3, 4)
    table[1, 2] = bad
    with pytest.raises(ValueError, match=r"weights .* document 1, position 2"):
        attnprobe.rank_by_attention(table)
    with pytest.raises(ValueError, match=r"gradients .* document 1"):
        attnprobe.rank_by_gradient(table)
    with pytest.raises(ValueError, match=r"document 1"):
        attnprobe.rank_by_gradient_attention(torch.ones(3, 4), table)
    padding = torch.ones(3, 4, dtype=torch.bool)
    padding[1, 2] = False
    attnprobe.rank_by_attention(table, padding)


@given(st.integers(1, 40), st.integers(0, 20), st.integers(-(2**63), 2**63 - 1))
def test_random_orders_are_permutations_that_belong_to_the_document(items, padding, seed):
    alone = attnprobe.rank_at_random(torch.ones(1, items, dtype=torch.bool), 3, torch.tensor([seed]))
    assert all(sorted(order.tolist()) == list(range(items)) for order in alone[:, 0])
    mask = torch.zeros(2, items + padding, dtype=torch.bool)
    mask[0, :2] = True
    mask[1, :items] = True
    beside = attnprobe.rank_at_random(mask, 3, torch.tensor([7, seed]))
    assert torch.equal(beside[:, 1, :items], alone[:, 0])
    assert beside[:, 1, items:].min(dim=-1).values.tolist() == [items] * 3 if padding else True


def test_random_orders_are_uniform():
    documents = 60_000
    order = attnprobe.rank_at_random(torch.ones(documents, 4, dtype=torch.bool), 2, torch.arange(documents))
    codes = (order * torch.tensor([64, 16, 4, 1])).sum(-1)
    counts = torch.unique(codes, return_counts=True)[1].double()
    expected = 2 * documents / 24
    assert len(counts) == 24
    assert ((counts - expected) ** 2 / expected).sum() < 49.7  # chi-square with 23 degrees of freedom, p = .001
    first, second = codes
    same = (first == second).double().mean().item()
    assert same == pytest.approx(1 / 24, abs=4 * (1 / 24 / documents) ** 0.5)


def test_one_seed_makes_one_for_each_document():
    mask = torch.ones(50, 30, dtype=torch.bool)
    order = attnprobe.rank_at_random(mask, 1, 5)[0]
    assert len({tuple(row.tolist()) for row in order}) == 50
    with pytest.raises(ValueError, match="one a document"):
        attnprobe.rank_at_random(mask, 1, torch.arange(3))


def test_numpy_and_torch_agree():
    rng = np.random.default_rng(1)
    weights, gradients, mask = rng.random((5, 9)), rng.normal(size=(5, 9)), rng.random((5, 9)) < 0.8
    as_torch = [torch.tensor(x) for x in (weights, gradients, mask)]
    for function, arguments in (
        (attnprobe.rank_by_attention, (0, 2)),
        (attnprobe.rank_by_gradient, (1, 2)),
        (attnprobe.rank_by_gradient_attention, (0, 1, 2)),
    ):
        given_numpy = function(*([weights, gradients, mask][i] for i in arguments))
        assert isinstance(given_numpy, np.ndarray)
        assert given_numpy.tolist() == function(*(as_torch[i] for i in arguments)).tolist()
    seeds = rng.integers(0, 2**64, 5, dtype=np.uint64)
    random = attnprobe.rank_at_random(mask, 2, seeds)
    assert isinstance(random, np.ndarray)
    assert random.tolist() == attnprobe.rank_at_random(as_torch[2], 2, torch.tensor(seeds.view(np.int64))).tolist()


@pytest.mark.parametrize("name", list(ORDERINGS))
@given(case=cases(max_gap=10.0))
def test_every_registered_ordering_permutes_real_items_and_keeps_padding_last(name, case):
    gradients = torch.randn_like(case.scores)
    weights = softmax_of_scores(case.scores, case.mask)
    evidence = Evidence(case.scores, weights, gradients, gradients * weights, case.mask, torch.arange(len(case.mask)))
    order = ORDERINGS[name].rank(evidence)
    assert order.shape[1:] == case.mask.shape
    assert order.shape[0] > 1 or not ORDERINGS[name].random
    for draw in order:
        for row, mask in zip(draw, case.mask, strict=True):
            n = int(mask.sum())
            assert sorted(row.tolist()) == list(range(len(row)))
            assert mask[row[:n]].all()


@pytest.mark.parametrize(
    ("spoilt", "sentence"),
    [
        (lambda e: torch.zeros_like(rank_all(e)), "order 0 of document 0 is no permutation: it leaves out item 1"),
        (lambda e: rank_all(e).flip(-1), "order 0 of document 1 puts padding, item 2, before a real item"),
        (lambda e: rank_all(e) + 1, "order 0 of document 0 names item 3"),
        (lambda e: rank_all(e)[..., :1], "order has shape"),
    ],
)
def test_what_is_registered_and_is_no_ordering_is_refused_by_name(monkeypatch, spoilt, sentence):
    monkeypatch.setattr(ORDERINGS, "_entries", {"theirs": Ordering("of another package", spoilt)})
    mask = torch.tensor([[True, True, True], [True, True, False]])
    erasures = PooledErasures(torch.randn(2, 3, 4), torch.zeros(2, 3), mask, torch.nn.Linear(4, 2))
    with pytest.raises(InputError, match=f"the ordering theirs is none: {sentence}"):
        run_battery(erasures, torch.arange(2))


def rank_all(evidence):
    return attnprobe.rank_by_attention(None, evidence.mask, scores=evidence.scores)[None]
