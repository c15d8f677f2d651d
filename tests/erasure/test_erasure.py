import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import attnprobe
from attnprobe.erasure.contributions import Contributions
from tests.fixtures.strategies import cases, tied_cases
from tests.reference import erasure as brute


def random_orders(case, orderings=3):
    seeds = torch.arange(len(case.mask))
    return attnprobe.rank_at_random(case.mask, orderings, seeds)


def engine_arguments(case, *order):
    """What the engine takes in turn; where the case has scores, no weights, which may have underflowed."""
    return (case.values, None if case.scores is not None else case.weights, case.mask, *order, readout(case))


def of_scores(case):
    return {"scores": case.scores}


def readout(case):
    return (case.weight, case.bias)


def scale(case, row):
    values = case.values[row][case.mask[row]].double()
    alone = values @ case.weight.double().T + case.bias.double()
    return max(1.0, alone.abs().max().item())


def assert_first_flips_equal(case, tolerance):
    order = random_orders(case)
    flips = attnprobe.first_flip(*engine_arguments(case, order), **of_scores(case))
    for row, (values, weights) in enumerate(case.documents()):
        for ordering in range(len(order)):
            positions = order[ordering, row, : len(weights)].tolist()
            count, margin = brute.first_flip(values, weights, positions, *case.readout())
            if margin <= tolerance * scale(case, row):
                continue
            assert flips.count[ordering, row] == count
            assert flips.emptied[ordering, row] == (count > 0 and not any(weights[j] for j in positions[count:]))
            if count < 0:
                assert torch.isnan(flips.fraction[ordering, row])
                assert torch.isnan(flips.mass[ordering, row])
            else:
                assert flips.fraction[ordering, row].item() == pytest.approx(count / len(weights), rel=1e-6)
                mass = weights[positions[:count]].sum() / weights.sum()
                assert flips.mass[ordering, row].item() == pytest.approx(float(mass), rel=1e-6, abs=1e-30)


@given(cases(dtype=torch.float64))
def test_first_flip_equals_step_by_step_erasure(case):
    assert_first_flips_equal(case, 1e-12)


@given(cases(dtype=torch.float32))
def test_first_flip_in_float32_with_scores(case):
    assert_first_flips_equal(case, 1e-6)


@given(cases(dtype=torch.float32, max_gap=80.0))
def test_first_flip_in_float32_from_weights_alone(case):
    case.scores = None
    assert_first_flips_equal(case, 1e-6)


@given(tied_cases())
def test_first_flip_on_exact_ties_and_zero_weights(case):
    assert_first_flips_equal(case, -1.0)


def assert_oracle_equals_exhaustive_search(case, tolerance):
    oracle = attnprobe.minimal_flip_set(*engine_arguments(case), **of_scores(case))
    for row, (values, weights) in enumerate(case.documents()):
        count, margin = brute.minimal_flip_count(values, weights, *case.readout())
        if margin <= tolerance * scale(case, row):
            continue
        assert oracle.count[row] == count
        erased = oracle.erased[row]
        left = [weight for weight, gone in zip(weights, erased[case.mask[row]], strict=True) if not gone]
        assert oracle.emptied[row] == (count > 0 and not any(left))
        assert sorted(oracle.rank[row][erased].tolist()) == list(range(max(count, 0)))
        assert (oracle.rank[row][~erased] == -1).all()
        assert erased.sum() == max(count, 0)
        assert not (erased & ~case.mask[row]).any()
        if count > 0:
            chosen = torch.nonzero(erased[case.mask[row]])[:, 0].tolist()
            after = brute.logits_after(values, weights, chosen, *case.readout())
            before = brute.logits_after(values, weights, [], *case.readout())
            assert brute.decide(after) != brute.decide(before)


@settings(max_examples=40)
@given(cases(dtype=torch.float64))
def test_oracle_equals_exhaustive_search(case):
    assert_oracle_equals_exhaustive_search(case, 1e-12)


@settings(max_examples=40)
@given(cases(dtype=torch.float32))
def test_oracle_in_float32_equals_exhaustive_search(case):
    assert_oracle_equals_exhaustive_search(case, 1e-6)


@settings(max_examples=60)
@given(tied_cases())
def test_oracle_on_exact_ties_and_zero_weights(case):
    assert_oracle_equals_exhaustive_search(case, -1.0)


@given(st.one_of(cases(dtype=torch.float64), tied_cases(dtype=torch.float64)))
def test_single_erasures_equal_brute_force(case):
    logits = attnprobe.single_erasures(*engine_arguments(case), **of_scores(case))
    for row, (values, weights) in enumerate(case.documents()):
        for item in range(len(weights)):
            expected = brute.logits_after(values, weights, [item], *case.readout())
            np.testing.assert_allclose(logits[row, item], expected.astype(float), rtol=1e-9, atol=1e-9)
        unerased = brute.logits_after(values, weights, [], *case.readout())
        for padded in logits[row, len(weights) :]:
            np.testing.assert_allclose(padded, unerased.astype(float), rtol=1e-9, atol=1e-9)


@given(tied_cases(dtype=torch.float64))
def test_flips_of_single_erasures_on_exact_ties(case):
    contributions = Contributions(case.values, case.weights, case.mask, readout(case))
    flips = contributions.single_erasures().flips
    for row, (values, weights) in enumerate(case.documents()):
        decision = brute.decide(brute.logits_after(values, weights, [], *case.readout()))
        assert contributions.decision[row] == decision
        for item in range(len(weights)):
            after = brute.logits_after(values, weights, [item], *case.readout())
            assert flips[row, item] == (brute.decide(after) != decision)
        assert not flips[row, len(weights) :].any()


@given(cases(dtype=torch.float64, max_gap=10.0))
def test_gradient_equals_autograd(case):
    gradients = attnprobe.decision_gradient(case.values, case.weights, case.mask, readout(case))
    for row, (values, weights) in enumerate(case.documents()):
        free = torch.tensor(weights, requires_grad=True)
        p = torch.softmax(case.weight @ (free @ torch.tensor(values)) + case.bias, -1)
        (expected,) = torch.autograd.grad(p.max(), free)
        torch.testing.assert_close(gradients[row, : len(weights)], expected, rtol=1e-9, atol=1e-9)
        assert (gradients[row, len(weights) :] == 0).all()


@given(cases(dtype=torch.float64), st.integers(1, 7))
def test_padding_and_batching_change_nothing(case, extra):
    def padded(tensor, fill):
        return torch.nn.functional.pad(tensor, (*(0, 0) * (tensor.dim() - 2), 0, extra), value=fill)

    wide = (padded(case.values, 7.0), padded(case.scores, 3.0), padded(case.mask, False))
    narrow = attnprobe.minimal_flip_set(case.values, None, case.mask, readout(case), scores=case.scores)
    padded_oracle = attnprobe.minimal_flip_set(wide[0], None, wide[2], readout(case), scores=wide[1])
    assert torch.equal(narrow.count, padded_oracle.count)
    order = attnprobe.rank_by_attention(None, case.mask, scores=case.scores)
    wide_order = attnprobe.rank_by_attention(None, wide[2], scores=wide[1])
    flips = attnprobe.first_flip(case.values, None, case.mask, order, readout(case), scores=case.scores)
    wide_flips = attnprobe.first_flip(wide[0], None, wide[2], wide_order, readout(case), scores=wide[1])
    assert torch.equal(flips.count, wide_flips.count)
    for row in range(len(case.mask)):
        alone = slice(row, row + 1)
        one = attnprobe.first_flip(
            case.values[alone], None, case.mask[alone], order[alone], readout(case), scores=case.scores[alone]
        )
        assert one.count.item() == flips.count[row]


def test_no_ordering_beats_the_oracle():
    generator = torch.Generator().manual_seed(3)
    values = torch.randn(200, 30, 8, generator=generator)
    scores = 4 * torch.randn(200, 30, generator=generator)
    linear = torch.nn.Linear(8, 5)
    mask = torch.ones(200, 30, dtype=torch.bool)
    order = attnprobe.rank_at_random(mask, 40, torch.arange(200))
    counts = attnprobe.first_flip(values, None, mask, order, linear, scores=scores).count
    oracle = attnprobe.minimal_flip_set(values, None, mask, linear, scores=scores).count
    ever = counts > 0
    assert (counts[ever] >= oracle.expand_as(counts)[ever]).all()
    assert not (ever & (oracle < 0)).any()


def test_rounding_of_a_near_tie_never_flips_before_anything_is_erased():
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(500, 7, 3, generator=generator, dtype=torch.float64)
    weights = torch.softmax(torch.randn(500, 7, generator=generator, dtype=torch.float64), -1)
    weight = torch.randn(2, 3, generator=generator, dtype=torch.float64)
    order = attnprobe.rank_at_random(torch.ones(500, 7, dtype=torch.bool), 5, torch.arange(500))
    pooled = (weights[..., None] * values).sum(1) @ weight.T
    for row in range(500):  # a bias that makes the two classes equal but for rounding
        bias = torch.stack([torch.zeros(()).double(), pooled[row, 0] - pooled[row, 1]])
        one = (values[row : row + 1], weights[row : row + 1], None)
        assert (attnprobe.first_flip(*one, order[:, row : row + 1], (weight, bias)).count != 0).all()
        assert attnprobe.minimal_flip_set(*one, (weight, bias)).count != 0


def test_a_remainder_of_1e_40_of_the_mass_decides_exactly():
    # Item 0 holds all but e^-95 of the attention; after it is gone items 1 and 2 decide, by a factor of e.
    scores = torch.tensor([[95.0, 1.0, 0.0]])
    values = torch.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]])
    identity = (torch.eye(3), torch.zeros(3))
    logits = attnprobe.single_erasures(values, None, None, identity, scores=scores)
    share = torch.softmax(torch.tensor([1.0, 0.0]), 0)
    torch.testing.assert_close(logits[0, 0], torch.tensor([0.0, share[0], share[1]]))
    flip = attnprobe.first_flip(values, None, None, torch.tensor([[0, 1, 2]]), identity, scores=scores)
    assert flip.count.tolist() == [1]


def test_underflow_to_zero_leaves_the_bias_to_decide():
    weights = torch.tensor([[1.0, 0.0, 0.0]])
    values = torch.tensor([[[5.0], [-9.0], [-9.0]]])
    linear = (torch.tensor([[0.0], [1.0]]), torch.tensor([1.0, 0.0]))
    flip = attnprobe.first_flip(values, weights, None, torch.tensor([[[0, 1, 2]], [[1, 2, 0]]]), linear)
    assert flip.count.tolist() == [[1], [3]]
    oracle = attnprobe.minimal_flip_set(values, weights, None, linear)
    assert oracle.count.tolist() == [1]
    assert oracle.erased.tolist() == [[True, False, False]]


def test_no_documents():
    linear = torch.nn.Linear(4, 3)
    values, weights = torch.empty(0, 5, 4), torch.empty(0, 5)
    order = attnprobe.rank_by_attention(weights)
    assert attnprobe.first_flip(values, weights, None, order.expand(7, 0, 5), linear).count.shape == (7, 0)
    assert attnprobe.minimal_flip_set(values, weights, None, linear).erased.shape == (0, 5)
    assert attnprobe.single_erasures(values, weights, None, linear).shape == (0, 5, 3)


def test_numpy_in_numpy_out():
    rng = np.random.default_rng(0)
    values, weights = rng.normal(size=(3, 5, 4)), rng.dirichlet(np.ones(5), size=3)
    mask = np.ones((3, 5), dtype=bool)
    linear = (rng.normal(size=(2, 4)), rng.normal(size=2))
    order = attnprobe.rank_by_attention(weights, mask)
    flip = attnprobe.first_flip(values, weights, mask, order, linear)
    oracle = attnprobe.minimal_flip_set(values, weights, mask, linear)
    gradient = attnprobe.decision_gradient(values, weights, mask, linear)
    logits = attnprobe.single_erasures(values, weights, mask, linear)
    erased = attnprobe.erase(weights, np.array([True, False, False, False, False]))
    results = [order, *flip, *oracle, gradient, logits, erased]
    assert all(isinstance(result, np.ndarray) for result in results)
    values, weights, mask, order = (torch.tensor(x) for x in (values, weights, mask, order))
    as_torch = attnprobe.first_flip(values, weights, mask, order, torch_linear(linear))
    assert np.array_equal(flip.count, as_torch.count.numpy())


def torch_linear(linear):
    layer = torch.nn.Linear(linear[0].shape[1], linear[0].shape[0], dtype=torch.float64)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(linear[0]))
        layer.bias.copy_(torch.tensor(linear[1]))
    return layer


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("function", ["first_flip", "minimal_flip_set", "single_erasures", "decision_gradient"])
@pytest.mark.parametrize("where", ["weights", "values", "scores"])
def test_numbers_that_are_none_name_their_document(function, where, bad):
    case = {"values": torch.ones(4, 3, 2), "weights": torch.full((4, 3), 1 / 3), "scores": torch.zeros(4, 3)}
    case[where][2, 1] = bad
    scores = case["scores"] if where == "scores" else None
    linear = (torch.ones(2, 2), torch.zeros(2))
    arguments = [case["values"], case["weights"], None]
    if function == "first_flip":
        arguments.append(torch.arange(3).expand(4, 3))
    with pytest.raises(ValueError, match=f"{where}.*document 2"):
        getattr(attnprobe, function)(*arguments, linear, scores=scores)


def test_negative_weights_and_misfitting_shapes_are_refused():
    values, weights = torch.ones(2, 3, 4), torch.full((2, 3), 1 / 3)
    linear = (torch.ones(2, 4), torch.zeros(2))
    with pytest.raises(ValueError, match=r"negative in document 1"):
        attnprobe.minimal_flip_set(values, torch.tensor([[1.0, 0, 0], [2.0, -1, 0]]), None, linear)
    with pytest.raises(ValueError, match=r"values have shape .* \(batch, items, 4\)"):
        attnprobe.minimal_flip_set(values[..., :3], weights, None, linear)
    with pytest.raises(ValueError, match="weights have shape"):
        attnprobe.minimal_flip_set(values, weights[:, :2], None, linear)
    with pytest.raises(ValueError, match="order has shape"):
        attnprobe.first_flip(values, weights, None, torch.zeros(2, 2, dtype=torch.long), linear)


@given(cases(dtype=torch.float64, max_gap=10.0))
def test_erase_renormalises_what_remains(case):
    erased = torch.zeros_like(case.mask)
    erased[:, 0] = True
    after = attnprobe.erase(case.weights, erased, case.mask)
    for row, (_, weights) in enumerate(case.documents()):
        rest = weights[1:]
        assert after[row, 0] == 0
        if len(rest):
            np.testing.assert_allclose(after[row, 1 : len(weights)], rest / rest.sum())
        assert (after[row, len(weights) :] == 0).all()
    from_scores = attnprobe.erase(None, erased, case.mask, scores=case.scores)
    torch.testing.assert_close(after, from_scores)


def test_erase_is_differentiable_and_bears_an_empty_row():
    weights = torch.softmax(torch.randn(3, 4, dtype=torch.float64), -1).requires_grad_()
    erased = torch.tensor([[1, 0, 0, 0], [0, 1, 1, 0], [1, 1, 1, 1]], dtype=torch.bool)
    assert torch.autograd.gradcheck(lambda w: attnprobe.erase(w, erased), weights)
    scores = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda s: attnprobe.erase(None, erased, scores=s), scores)
    assert (attnprobe.erase(weights, erased)[2] == 0).all()


@pytest.mark.parametrize("batch", [0, 2])
def test_nothing_flips_documents_without_items(batch):
    values, weights, order = (
        torch.zeros(batch, 0, 3),
        torch.zeros(batch, 0),
        torch.zeros(4, batch, 0, dtype=torch.int64),
    )
    readout = torch.ones(2, 3), torch.tensor([0.0, 1.0])
    flip = attnprobe.first_flip(values, weights, None, order, readout)
    assert torch.equal(flip.count, torch.full((4, batch), -1))
    assert flip.fraction.isnan().all()
    assert flip.mass.isnan().all()
    assert not flip.emptied.any()
    assert torch.equal(attnprobe.minimal_flip_set(values, weights, None, readout).count, flip.count[0])


def test_logits_and_weights_that_overflow_are_refused():
    values, weights = torch.ones(1, 2, 1, dtype=torch.float64), torch.ones(1, 2, dtype=torch.float64)
    order, readout = torch.tensor([[0, 1]]), (torch.ones(2, 1), torch.zeros(2))
    far = (torch.ones(2, 1).double(), torch.tensor([1.5e308, -1.5e308], dtype=torch.float64))
    with pytest.raises(ValueError, match=r"logits are beyond what 64 bits hold in document 0"):
        attnprobe.first_flip(values, weights, None, order, far)
    with pytest.raises(ValueError, match=r"weights have no finite sum in document 0"):
        attnprobe.first_flip(values, weights * 1e308, None, order, readout)


def test_an_array_of_one_number_may_be_turned_round():
    one = np.ones((1, 1))[:, ::-1]
    assert attnprobe.erase(one, np.zeros((1, 1))).tolist() == [[1.0]]
