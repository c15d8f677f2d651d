import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import attnprobe
from attnprobe.base.errors import InputError
from attnprobe.erasure.battery import orders_of, run_battery
from attnprobe.erasure.erasable import Erasable
from attnprobe.erasure.registered_orderings import ORDERINGS, Ordering, Role
from attnprobe.models.pooled.closed_forms import PooledErasures
from tests.fixtures.strategies import cases


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


def batch_of(scores, mask, classes=2, seed=0):
    """Documents with these scores and random values and readout, as an ordering sees them."""
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(*mask.shape, 4, generator=generator)
    readout = torch.nn.Linear(4, classes)
    with torch.no_grad():
        readout.weight.copy_(torch.randn(classes, 4, generator=generator))
        readout.bias.zero_()
    return PooledErasures(values, scores, mask, readout)


@pytest.mark.parametrize("name", sorted(set(ORDERINGS) - {"greedy", "rollout", "chefer"}))
@given(case=cases(max_gap=10.0))
@pytest.mark.samples(5)
def test_every_ordering_permutes_real_items_and_keeps_padding_last(name, case):
    batch = Erasable(batch_of(case.scores, case.mask), torch.arange(len(case.mask)))
    assert ORDERINGS[name].fits(batch)
    order = orders_of(batch, torch.arange(len(case.mask)), {name: ORDERINGS[name]})[name].of_all
    assert order.shape[1:] == case.mask.shape
    assert (order.shape[0] > 1) == (ORDERINGS[name].role is Role.CHANCE)
    for draw in order:
        for row, mask in zip(draw, case.mask, strict=True):
            n = int(mask.sum())
            assert sorted(row.tolist()) == list(range(len(row)))
            assert mask[row[:n]].all()


@given(case=cases(max_gap=10.0))
def test_the_first_items_of_the_smallest_set_ordering_are_the_smallest_set(case):
    """Its first flip is the count that the oracle has, and the mass is that of its items but for rounding."""
    erasures = PooledErasures(case.values.masked_fill(~case.mask[..., None], 0.0), case.scores, case.mask, linear(case))
    flips = run_battery(erasures, torch.arange(len(case.mask))).erasures["oracle", 0]
    exact = erasures._contributions.minimal_flip_set()
    assert torch.equal(flips["removed"], exact.count)
    assert torch.equal(flips["emptied"], exact.emptied)
    mass = (erasures.attention.weights * exact.erased).sum(-1)
    assert torch.allclose(flips["mass"][exact.count >= 0], mass[exact.count >= 0], rtol=0, atol=1e-15)


def linear(case):
    readout = torch.nn.Linear(case.weight.shape[1], len(case.weight))
    with torch.no_grad():
        readout.weight.copy_(case.weight)
        readout.bias.copy_(case.bias)
    return readout


MASK = torch.tensor([[True, True, True], [True, True, False]])


def with_another(monkeypatch, rank, **more):
    """The registry with an ordering that a program has registered."""
    monkeypatch.setitem(ORDERINGS._entries, "theirs", Ordering("Theirs", rank, **more))
    return batch_of(torch.zeros(2, 3), MASK)


def by_attention(batch, seeds=None):
    return attnprobe.rank_by_attention(None, batch.attention.mask, scores=batch.attention.scores)[None]


@pytest.mark.parametrize(
    ("spoilt", "sentence"),
    [
        (
            lambda e, _: torch.zeros_like(by_attention(e)),
            "order 0 of document 0 is no permutation: it leaves out item 1",
        ),
        (lambda e, _: by_attention(e).flip(-1), "order 0 of document 1 puts padding, item 2, before a real item"),
        (lambda e, _: by_attention(e) + 1, "order 0 of document 0 names item 3"),
        (lambda e, _: by_attention(e)[..., :1], "order has shape"),
        (lambda e, _: by_attention(e)[0], "order has shape"),
        (lambda e, _: by_attention(e)[:0], "order has shape"),
        (lambda e, _: by_attention(e).expand(129, -1, -1), "order has shape"),
        (lambda e, _: by_attention(e).tolist(), "it gives list"),
        (lambda e, _: by_attention(e).double() * torch.nan, "order holds float64 numbers"),
        (lambda e, _: torch.tensor([[[-1, 0, 1], [0, 1, -1]]]), "order goes on behind a −1"),
        (lambda e, _: torch.tensor([[[0, 0, -1], [0, 1, -1]]]), "order names an item twice"),
        (lambda e, _: torch.tensor([[[0, 1, -1], [2, 1, -1]]]), "order 0 of document 1 puts padding, item 2, before"),
        (lambda e, _: torch.tensor([[[0, 7, -1], [0, 1, -1]]]), "order 0 of document 0 names item 7"),
    ],
)
def test_what_is_registered_and_is_no_ordering_is_refused_by_name(monkeypatch, spoilt, sentence):
    erasures = with_another(monkeypatch, spoilt)
    with pytest.raises(InputError, match=f"the ordering theirs is none: {sentence}"):
        run_battery(erasures, torch.arange(2))


def test_an_ordering_that_fails_is_named_with_its_error(monkeypatch):
    erasures = with_another(monkeypatch, lambda e, _: e.attention.weights[:, 9])
    with pytest.raises(InputError, match=r"The ordering theirs fails: IndexError: index 9 is out of bounds"):
        run_battery(erasures, torch.arange(2))


def test_an_ordering_that_changes_what_others_read_is_refused(monkeypatch):
    erasures = with_another(monkeypatch, lambda e, _: by_attention(e) + 0 * int(e.attention.weights.zero_().sum()))
    with pytest.raises(InputError, match="The ordering theirs changes the tensors that it is given"):
        run_battery(erasures, torch.arange(2))


@given(case=cases(max_gap=10.0), seed=st.integers(0, 99))
def test_a_further_ordering_changes_no_number_of_another(case, seed):
    """Neither one of several random draws nor one that ends early, nor one that fits no model."""
    further = {
        "drawn": Ordering(
            "Drawn", lambda e, seeds: attnprobe.rank_at_random(e.attention.mask, 3, seeds + 1), Role.CHANCE
        ),
        "early": Ordering(
            "Early", lambda e, _: by_attention(e).masked_fill(torch.arange(e.attention.mask.shape[1]) > 0, -1)
        ),
        "alone": Ordering(
            "Alone", lambda e, _: attnprobe.rank_by_gradient(e.single_effects().js, e.attention.mask)[None]
        ),
        "never": Ordering("Never", by_attention, fits=lambda e: False),
    }
    seeds = torch.arange(len(case.mask)) + seed
    before = run_battery(batch_of(case.scores, case.mask), seeds)
    with pytest.MonkeyPatch.context() as patch:
        for name, ordering in further.items():
            patch.setitem(ORDERINGS._entries, name, ordering)
        after = run_battery(batch_of(case.scores, case.mask), seeds)
    assert [draw for name, draw in after.erasures if name == "drawn"] == [0, 1, 2]
    assert {name for name, _ in after.erasures} - {name for name, _ in before.erasures} == {"drawn", "early", "alone"}
    assert set(after.items) - set(before.items) == {"rank_drawn", "rank_early", "rank_alone"}
    for key, columns in before.erasures.items():
        assert all(
            torch.equal(columns[name].nan_to_num(-1), after.erasures[key][name].nan_to_num(-1)) for name in columns
        )
    for table, other in ((before.documents, after.documents), (before.items, after.items)):
        assert all(torch.equal(table[name].nan_to_num(-9), other[name].nan_to_num(-9)) for name in table)


def test_what_an_ordering_leaves_out_has_a_place_only_where_it_was_erased(monkeypatch):
    """It comes behind the others, in order of position; of it the places up to the first flip are kept."""
    first = torch.tensor([[[1, -1, -1], [1, -1, -1]]])
    erasures = with_another(monkeypatch, lambda e, _: first)
    result = run_battery(erasures, torch.arange(2))
    removed = result.erasures["theirs", 0]["removed"]
    whole = erasures.first_flips(torch.tensor([[[1, 0, 2], [1, 0, 2]]]))
    assert torch.equal(removed, whole["removed"][0])
    for row, places in enumerate(result.items["rank_theirs"].tolist()):
        kept = max(1, int(removed[row]))
        order = [1, 0, 2][:kept]
        assert places == [order.index(item) if item in order else -1 for item in range(3)]
