import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import attnprobe
from attnprobe.erasure import aopc_limits as limits_module
from attnprobe.erasure.aopc_limits import AopcLimits, Certainty, certainty, limits_of, normalised_aopc
from attnprobe.erasure.curve_areas import aopc, comprehensiveness
from attnprobe.erasure.curves import curves
from attnprobe.erasure.exact_removals import exact_totals
from attnprobe.erasure.removals import Removals
from tests.fixtures.limit_documents import KINDS, Documents, draw
from tests.reference import curves as brute

SCORES = ("probability", "logit")


def limits_without_programming(documents, name):
    """The limits with no document searched by dynamic programming, rounding included."""
    scores = documents.scores(name)
    rounding = limits_module.rounding_of(scores, documents.values, documents.readout)
    return limits_of(scores, rounding, exact_items=0)


def aopc_of(documents, name, order):
    scores = documents.scores(name)
    return aopc(comprehensiveness(curves(scores, order)), scores.sizes)


def holds(limits, least, most):
    return (
        (limits.lower[:, 0] <= least)
        & (least <= limits.lower[:, 1])
        & (limits.upper[:, 0] <= most)
        & (most <= limits.upper[:, 1])
    )


def assert_hold_the_optimum(seeds, batch, longest):
    """Of five numbers of classes and all kinds of documents, with dynamic programming and without."""
    for seed, (kind, classes) in zip(seeds, itertools.cycle(itertools.product(KINDS, (2, 3, 4, 5, 6)))):
        documents = draw(seed, kind, classes, batch, longest - seed % 4)
        extremes = [brute.extreme_aopc(*(*one, SCORES)) for one in documents.each()]
        for name in SCORES:
            least, most = torch.tensor([one[name] for one in extremes], dtype=torch.float64).T
            exact = attnprobe.aopc_limits(*(*documents.arguments(), name))
            assert holds(exact, least, most).all()
            assert {*exact.certainty()[0], *exact.certainty()[1]} == {Certainty.EXACT}
            searched = limits_without_programming(documents, name)
            assert holds(searched, least, most).all()
            if name == "logit" or classes == 2:
                assert (searched.lower[:, 1] - searched.lower[:, 0]).max() < 1e-5
                assert (searched.upper[:, 1] - searched.upper[:, 0]).max() < 1e-5


@pytest.mark.slow
def test_limits_hold_the_optimum_over_all_orders_of_500_documents():
    assert_hold_the_optimum(range(35), 15, 8)


@pytest.mark.slow
def test_limits_hold_the_optimum_over_all_orders_of_longer_documents():
    assert_hold_the_optimum(range(1000, 1350), 20, 9)


def test_dynamic_programming_equals_every_permutation():
    for kind, name in zip(KINDS, itertools.cycle(SCORES), strict=False):
        documents = draw(5, kind, 3, 3, 6, shortest=6)
        scores = documents.scores(name)
        orders = torch.tensor(list(itertools.permutations(range(6))))[:, None].expand(-1, 3, -1)
        sums = curves(scores, orders).erased[..., 1:].sum(-1)
        with_mass = (scores.mass > 0).sum(-1)
        for size in with_mass.unique():
            alike = torch.nonzero(with_mass == size)[:, 0]
            smallest, largest = exact_totals(Removals.of(scores, alike, 1))
            torch.testing.assert_close(smallest, sums[:, alike].amin(0), rtol=1e-12, atol=1e-12)
            torch.testing.assert_close(largest, sums[:, alike].amax(0), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("name", "classes"), [("probability", 2), ("logit", 2), ("logit", 5)])
def test_limits_of_fifty_items_are_as_good_as_exact_with_one_mean(name, classes):
    for kind in KINDS:
        found = attnprobe.aopc_limits(*(*draw(1, kind, classes, 8, 50, shortest=50).arguments(), name))
        for limit in found:
            assert (limit[:, 1] - limit[:, 0]).max() <= 1e-5
            assert (limit[:, 0] <= limit[:, 1]).all()


@pytest.mark.slow
@pytest.mark.parametrize(("name", "classes"), [("probability", 2), ("logit", 4)])
def test_widths_of_many_documents_of_fifty_items(name, classes):
    widths = []
    for seed, kind in itertools.product(range(20), KINDS):
        found = attnprobe.aopc_limits(*(*draw(seed, kind, classes, 25, 50, shortest=50).arguments(), name))
        widths += [limit[:, 1] - limit[:, 0] for limit in found]
    assert torch.cat(widths).max() <= 1e-5


@pytest.mark.parametrize("classes", [2, 4])
def test_no_ordering_is_beyond_the_limits(classes):
    for kind, name in itertools.product(KINDS, SCORES):
        documents = draw(2, kind, classes, 4, 24)
        found = attnprobe.aopc_limits(*(*documents.arguments(), name))
        random = attnprobe.rank_at_random(documents.mask, 50, torch.arange(4))
        by_weight = attnprobe.rank_by_attention(documents.weights, documents.mask)
        gradients = attnprobe.decision_gradient(*documents.arguments())
        product = attnprobe.rank_by_gradient_attention(documents.weights, gradients, documents.mask)
        reached = aopc_of(documents, name, torch.cat([random, by_weight[None], product[None]]))
        assert (reached >= found.lower[:, 0]).all()
        assert (reached <= found.upper[:, 1]).all()


def test_limits_are_of_nested_orders_and_not_of_the_best_sets_of_each_size():
    """The best sets of two and of three items are not in one order; their bound is .0030 above what orders reach."""
    weights = torch.tensor([[22.0, 19.0, 10.0, 4.0]], dtype=torch.float64)
    leads = torch.tensor([1.0, 1.0, -3.0, 6.0], dtype=torch.float64)
    readout = (torch.tensor([[1.0], [0.0]], dtype=torch.float64), torch.zeros(2, dtype=torch.float64))
    documents = Documents(leads[None, :, None], weights, torch.ones(1, 4, dtype=torch.bool), readout)
    lowest = []
    for size in range(4):
        sets = [list(items) for items in itertools.combinations(range(4), size)]
        means = [(weights[0, kept] @ leads[kept] / weights[0, kept].sum()).item() if kept else 0.0 for kept in sets]
        lowest.append(1 / (1 + math.exp(-min(means))))
    bound = documents.scores().whole().item() - sum(lowest) / 4
    for found in (attnprobe.aopc_limits(*documents.arguments()), limits_without_programming(documents, "probability")):
        assert bound - found.upper[0, 1].item() == pytest.approx(0.0030, abs=5e-5)
        assert found.certainty() == ([Certainty.EXACT], [Certainty.EXACT])


@given(st.integers(0, 2**32), st.sampled_from(KINDS), st.sampled_from(SCORES), st.integers(1, 5))
@settings(max_examples=7)
def test_padding_batching_a_constant_and_the_scale_of_weights_change_nothing(seed, kind, name, extra):
    documents = draw(seed, kind, 3, 3, 17)
    found = attnprobe.aopc_limits(*(*documents.arguments(), name))
    values, weights, mask, (weight, bias) = documents.arguments()
    wide = (
        torch.nn.functional.pad(values, (0, 0, 0, extra), value=torch.inf),
        torch.nn.functional.pad(weights, (0, extra), value=torch.nan),
        torch.nn.functional.pad(mask, (0, extra)),
    )
    # Whatever a search does first may depend on rounding: what both say must be true.
    for other in (
        attnprobe.aopc_limits(*wide, (weight, bias), name),
        attnprobe.aopc_limits(values, weights, mask, (weight, bias + 3.0), name),
        attnprobe.aopc_limits(values, weights * 2.0**-40, mask, (weight, bias), name),
        AopcLimits(*map(torch.cat, zip(*(alone(documents, name, row) for row in range(3)), strict=True))),
    ):
        for limit, again in zip(found, other, strict=True):
            torch.testing.assert_close(again, limit, rtol=0, atol=1e-9 if kind != "large logits" else 1e-7)


def alone(documents, name, row):
    one = slice(row, row + 1)
    return attnprobe.aopc_limits(
        documents.values[one], documents.weights[one], documents.mask[one], documents.readout, name
    )


@pytest.mark.parametrize("name", SCORES)
def test_one_item_nothing_and_no_mass_have_one_limit_and_no_share(name):
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(4, 3, 2, generator=generator, dtype=torch.float64)
    weights = torch.tensor([[1.0, 9, 9], [9, 9, 9], [0, 0, 0], [0, 0, 1]], dtype=torch.float64)
    mask = torch.tensor([[True, False, False], [False] * 3, [True] * 3, [True] * 3])
    readout = (torch.randn(3, 2, generator=generator, dtype=torch.float64), torch.tensor([0.0, 1.0, 0.5]).double())
    documents = Documents(values, weights, mask, readout)
    found = attnprobe.aopc_limits(*(*documents.arguments(), name))
    scores = documents.scores(name)
    fall = scores.whole() - scores.when_empty()
    for limit in found:
        assert (limit[1] == 0).all()
        # One item: everything is erased at once. No mass: the bias decides, whatever is erased.
        torch.testing.assert_close(limit[0], fall[[0, 0]], rtol=0, atol=1e-12)
        torch.testing.assert_close(limit[2], torch.zeros(2).double(), rtol=0, atol=1e-12)
    # The one item with mass may go first or last.
    torch.testing.assert_close(found.lower[3].min(), (fall[3] / 3).minimum(fall[3]), rtol=0, atol=1e-12)
    torch.testing.assert_close(found.upper[3].max(), (fall[3] / 3).maximum(fall[3]), rtol=0, atol=1e-12)
    shares = normalised_aopc(torch.stack([found.lower[:, 0], found.upper[:, 1]]), found)
    assert torch.isnan(shares[:, :3]).all()
    assert not torch.isnan(shares[:, 3]).any()


def test_scores_make_limits_of_what_weights_have_lost():
    """A remainder of 1e-160 of the mass has limits as exact as any."""
    scores = torch.tensor([[0.0, -369.0, -370.0, -371.0]], dtype=torch.float64)
    values = torch.tensor([[[1.0], [2.0], [-3.0], [1.0]]], dtype=torch.float64)
    readout = (torch.tensor([[1.0], [-1.0]], dtype=torch.float64), torch.tensor([0.5, 0.0], dtype=torch.float64))
    found = attnprobe.aopc_limits(values, None, None, readout, scores=scores)
    # The reference's own sums are of weights that no format but float64 holds.
    weights = torch.softmax(scores, -1)[0].numpy()
    least, most = brute.extreme_aopc(values[0].numpy(), weights, *(*(part.numpy() for part in readout), SCORES))[
        "probability"
    ]
    assert holds(found, *torch.tensor([[least], [most]], dtype=torch.float64)).all()
    single = attnprobe.aopc_limits(values.float(), None, None, readout, scores=scores.float())
    assert single.lower.dtype == torch.float64
    torch.testing.assert_close(single.lower, found.lower, rtol=0, atol=1e-12)


@pytest.mark.parametrize("classes", [2, 5])
def test_shares_of_the_limits_are_between_nothing_and_all(classes):
    documents = draw(3, "plain", classes, 6, 20, shortest=2)
    found = attnprobe.aopc_limits(*documents.arguments())
    reached = aopc_of(documents, "probability", attnprobe.rank_at_random(documents.mask, 9, torch.arange(6)))
    shares = normalised_aopc(reached, found)
    assert shares.shape == (9, 6, 2)
    assert ((shares >= 0) & (shares <= 1)).all()
    assert (shares[..., 0] <= shares[..., 1]).all()
    # Whatever the limits are within their intervals, the share is within its own.
    lower = torch.minimum(found.lower.mean(-1), reached)
    upper = torch.maximum(found.upper.mean(-1), reached)
    middle = (reached - lower) / (upper - lower)
    assert ((middle >= shares[..., 0] - 1e-9) & (middle <= shares[..., 1] + 1e-9)).all()
    ends = normalised_aopc(torch.stack([found.lower[:, 1], found.upper[:, 0]]), found)
    assert (ends[0, :, 0] < 1e-6).all()
    assert (ends[1, :, 1] > 1 - 1e-6).all()


def test_a_limit_is_exact_certified_between_two_ends_or_attained():
    interval = torch.tensor([[0.25, 0.25 + 1e-12], [0.25, 0.3], [0.25, torch.inf], [1e6, 1e6 + 1e-5]])
    assert certainty(interval.double()) == ["exact", "certified between", "attained", "exact"]
    several = draw(4, "plain", 5, 2, 30, shortest=30)
    found = attnprobe.aopc_limits(*several.arguments())
    assert found.certainty() == ([Certainty.BETWEEN] * 2, [Certainty.BETWEEN] * 2)
    as_arrays = attnprobe.aopc_limits(*(*(part.numpy() for part in several.arguments()[:3]), several.readout))
    assert as_arrays.certainty() == found.certainty()


def test_other_scores_and_endless_logits_are_refused():
    documents = draw(0, "plain", 3, 2, 4)
    with pytest.raises(ValueError, match="score is 'log_probability', but probability or logit is needed"):
        attnprobe.aopc_limits(*(*documents.arguments(), "log_probability"))
    values = documents.values.clone()
    values[1, 0] = 1e307
    with pytest.raises(ValueError, match="logits are beyond what 64 bits hold in document 1"):
        attnprobe.aopc_limits(values, *documents.arguments()[1:])
    # Sums that overflow before they are divided by the mass have no argmax.
    with pytest.raises(ValueError, match="logits are beyond what 64 bits hold in document 0"):
        attnprobe.minimal_flip_set(1e100 * documents.values, 1e250 * documents.weights, *documents.arguments()[2:])
