import numpy as np
import pytest
import torch
from hypothesis import given, settings

import attnprobe
from attnprobe.erasure.contributions import Contributions
from attnprobe.identifiability import (
    ErasureOutcomes,
    item_flips,
    same_decision,
    same_head_output,
    same_layer_output,
    same_logits,
    sample_alternatives,
)
from tests.fixtures.attention_rows import assert_same_output, random_row, rows


def flips_of(weights, values, readout):
    """Whether erasing each item flips (samples, items), by the engine, and by how clear a margin."""
    stacked = torch.as_tensor(weights)
    batch = torch.as_tensor(values).expand(len(stacked), *values.shape)
    affine = torch.as_tensor(readout[0]), torch.as_tensor(readout[1])
    contributions = Contributions(batch, stacked, None, affine)
    single = contributions.single_erasures()
    decision = contributions.decision
    others = single.relative_logits.scatter(1, decision[:, None, None].expand(-1, 1, stacked.shape[1]), -torch.inf)
    return single.flips.numpy(), others.amax(1).abs().numpy()


def assert_samples_agree(row, found, alternatives, samples=200):
    """No sample does what the labels exclude, where its margin is clear; samples are the alternatives drawn."""
    drawn = sample_alternatives(alternatives, samples)
    flips, margin = flips_of(drawn, row.values, row.readout)
    clear = margin > 1e-6 * max(1, np.abs(row.values).max())
    assert not (flips & clear & ~found.can_flip).any()
    assert not (~flips & clear & ~found.can_stay).any()


@settings(max_examples=60)
@given(rows(max_items=8, zeros=False))
def test_no_sample_is_outside_the_labels(row):
    alternatives = same_head_output(row.weights, row.values)
    found = ErasureOutcomes(alternatives, row.values, row.readout).items()
    assert (found.can_flip | found.can_stay).all()
    assert_samples_agree(row, found, alternatives)
    observed, margin = flips_of(row.weights[None], row.values, row.readout)
    clear = margin[0] > 1e-6 * max(1, np.abs(row.values).max())
    assert not (observed[0] & clear & found.never_flips).any()
    assert not (~observed[0] & clear & found.must_flip).any()


@settings(max_examples=40)
@given(rows(max_items=6, zeros=False))
def test_programs_and_critical_weights_agree(row):
    # Without the shortcut for equal logits every outcome is a program of its own.
    alternatives = same_head_output(row.weights, row.values)
    outcomes = ErasureOutcomes(alternatives, row.values, row.readout)
    short = outcomes.items()
    kept = ~np.eye(len(row.weights), dtype=bool)
    for item, one in enumerate(kept):
        flipping, staying = outcomes.can_flip(one), outcomes.can_stay(one[None])
        assert (flipping is not None) == short.can_flip[item]
        assert (staying is not None) == short.can_stay[item]


@settings(max_examples=60)
@given(rows(max_items=8, zeros=False))
def test_certificates_do_what_they_certify(row):
    alternatives = same_head_output(row.weights, row.values)
    outcomes = ErasureOutcomes(alternatives, row.values, row.readout)
    for item in range(len(row.weights)):
        kept = np.arange(len(row.weights)) != item
        for certificate, expected in ((outcomes.can_flip(kept), True), (outcomes.can_stay(kept[None]), False)):
            if certificate is not None:
                assert_same_output(certificate, row.weights, row.values)
                flips, margin = flips_of(certificate[None], row.values, row.readout)
                assert flips[0, item] == expected or margin[0, item] < 1e-7 * max(1, np.abs(row.values).max())


@settings(max_examples=40)
@given(rows(max_items=6, zeros=False))
def test_same_logits_and_same_decision_widen_the_labels(row):
    arguments = (row.weights, row.values)
    strict = ErasureOutcomes(same_head_output(*arguments), row.values, row.readout).items()
    logits = same_logits(*arguments, row.readout)
    decision = same_decision(*arguments, row.readout)
    wide = ErasureOutcomes(logits, row.values, row.readout).items()
    widest = ErasureOutcomes(decision, row.values, row.readout).items()
    for inner, outer in ((strict, wide), (wide, widest)):
        assert not (inner.can_flip & ~outer.can_flip).any()
        assert not (inner.can_stay & ~outer.can_stay).any()
    assert_samples_agree(row, wide, logits)
    assert_samples_agree(row, widest, decision)


def test_all_three_labels_occur_and_samples_attain_both_outcomes():
    seen = {"must": 0, "may": 0, "never": 0}
    attained = both = 0
    for seed in range(12):
        weights, values = random_row(seed, 10, 6, peak=2.0)
        generator = np.random.default_rng(seed)
        readout = generator.normal(size=(3, 6)), 0.1 * generator.normal(size=3)
        alternatives = same_head_output(weights, values)
        found = ErasureOutcomes(alternatives, values, readout).items()
        seen["must"] += found.must_flip.sum()
        seen["may"] += found.may_flip.sum()
        seen["never"] += found.never_flips.sum()
        flips, _ = flips_of(sample_alternatives(alternatives, 1000), values, readout)
        both += found.may_flip.sum()
        attained += (found.may_flip & flips.any(0) & ~flips.all(0)).sum()
    assert min(seen.values()) > 0
    assert attained > both / 2


def test_the_erasure_identity_and_the_critical_weight():
    # z without i = z + w/(1 − w) (z − Z_i), and the decision flips iff the weight exceeds w*.
    checked = 0
    for seed in range(10):
        weights, values = random_row(seed, 10, 3)
        generator = np.random.default_rng(seed)
        weight, bias = generator.normal(size=(4, 3)), generator.normal(size=4)
        alone = values @ weight.T + bias
        logits = weights @ alone
        share = (weights / (1 - weights))[:, None]
        expected = attnprobe.single_erasures(values[None], weights[None], None, (weight, bias))[0]
        np.testing.assert_allclose(logits + share * (logits - alone), expected, atol=1e-12)
        outcomes = ErasureOutcomes(same_head_output(weights, values), values, (weight, bias))
        critical = outcomes.critical_weights().min(0)
        for item in range(10):
            for trial in (weights[item], *generator.random(5)):
                after = logits + trial / (1 - trial) * (logits - alone[item])
                assert (after.argmax() != logits.argmax()) == (trial > critical[item])
                checked += 1
    assert checked == 600


def test_one_token_and_a_bias_that_decides_otherwise():
    values = np.array([[1.0]])
    flips = item_flips(values, np.ones(1), None, (np.array([[1.0], [-1.0]]), np.array([0.0, 0.5])))
    assert (flips.must_flip.tolist(), flips.never_flips.tolist()) == ([True], [False])
    stays = item_flips(values, np.ones(1), None, (np.array([[1.0], [-1.0]]), np.array([0.5, 0.0])))
    assert (stays.must_flip.tolist(), stays.never_flips.tolist()) == ([False], [True])


def test_equal_items_can_take_all_the_mass():
    # Both items say class 0; all weight may lie on either, and the bias says class 1.
    values, weights = np.array([[1.0], [1.0]]), np.array([0.5, 0.5])
    readout = np.array([[2.0], [0.0]]), np.array([0.0, 1.0])
    found = item_flips(values, weights, None, readout)
    assert found.may_flip.tolist() == [True, True]
    readout = np.array([[2.0], [0.0]]), np.array([0.0, -1.0])
    assert item_flips(values, weights, None, readout).never_flips.tolist() == [True, True]


def test_ties_are_resolved_as_argmax_does():
    # What remains without the first item ties: class 0 wins it, class 2 would not.
    values, weights = np.array([[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]]), np.array([0.5, 0.5, 0.0])
    before = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 0.0]]), np.array([0.0, 0.0, -1.0])
    after = np.array([[1.0, 0.0], [0.0, 0.0], [0.0, 0.0]]), np.array([0.0, 0.0, -1.0])
    assert item_flips(values, weights, None, before).must_flip[0]
    assert item_flips(values, weights, None, after).never_flips[0]
    for readout in (before, after):
        flips, _ = flips_of(weights[None], values, readout)
        assert flips[0, 0] == item_flips(values, weights, None, readout).can_flip[0]


@pytest.mark.parametrize("seed", range(3))
def test_batches_and_padding(seed):
    generator = torch.Generator().manual_seed(seed)
    mask = torch.arange(8) < torch.tensor([[8], [5], [1]])
    weights = torch.softmax(torch.randn(3, 8, generator=generator).masked_fill(~mask, -torch.inf), -1)
    values = torch.randn(3, 8, 2, generator=generator)
    values[~mask] = torch.nan
    readout = torch.nn.Linear(2, 3)
    torch.nn.init.normal_(readout.weight, generator=generator)
    torch.nn.init.zeros_(readout.bias)
    batch = item_flips(values, weights, mask, readout)
    assert not (batch.can_flip | batch.can_stay)[~mask].any()
    assert (batch.can_flip | batch.can_stay)[mask].all()
    for row, size in enumerate((8, 5, 1)):
        alone = item_flips(values[row, :size], weights[row, :size], None, readout)
        torch.testing.assert_close(batch.can_flip[row, :size], alone.can_flip)
        torch.testing.assert_close(batch.can_stay[row, :size], alone.can_stay)


def test_several_heads_are_refused():
    several = same_layer_output(np.full((2, 3), 1 / 3), np.ones((2, 3, 1)))
    with pytest.raises(ValueError, match="one head"):
        ErasureOutcomes(several, np.ones((3, 1)), (np.ones((2, 1)), np.zeros(2)))
