import numpy as np
import pytest
import torch
from hypothesis import given, settings

import attnprobe
from attnprobe.identifiability import (
    ErasureOutcomes,
    first_flip_range,
    first_flips_of,
    same_decision,
    same_head_output,
    sample_alternatives,
)
from tests.fixtures.attention_rows import assert_same_output, random_row, rows


def engine_counts(weights, values, order, readout):
    """First flips of the same ordering for many weights (k, items)."""
    stacked = torch.as_tensor(weights)
    batch = torch.as_tensor(values).expand(len(stacked), *values.shape).contiguous()
    orders = torch.as_tensor(order).expand(len(stacked), -1).contiguous()
    affine = torch.as_tensor(readout[0]), torch.as_tensor(readout[1])
    return attnprobe.first_flip(batch, stacked, None, orders, affine).count.numpy()


def as_distance(count, items):
    """Never comes after everything."""
    return np.where(np.asarray(count) < 0, items + 1, count)


def clear(weights, values, order, readout):
    """Whether no prefix leaves margins too close to call."""
    alone = values @ readout[0].T + readout[1]
    decision = (weights @ alone).argmax(-1)
    remaining = weights[:, order][:, ::-1]
    smallest = np.full(len(weights), np.inf)
    for c in range(alone.shape[1]):
        margins = (alone[:, [c]] - alone)[:, :].T  # class c less every class, by item
        sums = np.cumsum(remaining[None] * margins[decision][:, order][:, ::-1][None], -1)[0]
        mass = np.cumsum(remaining, -1)
        relative = np.abs(sums) / np.where(mass > 0, mass, 1.0)
        smallest = np.minimum(smallest, np.where((mass > 0) & (decision != c)[:, None], relative, np.inf).min(-1))
    return smallest > 1e-6 * max(1, np.abs(alone).max())


@settings(max_examples=60)
@given(rows(max_items=8, zeros=False))
def test_no_sample_is_outside_the_range(row):
    alternatives = same_head_output(row.weights, row.values)
    outcomes = ErasureOutcomes(alternatives, row.values, row.readout)
    items = len(row.weights)
    generator = np.random.default_rng(0)
    samples = np.vstack([row.weights, sample_alternatives(alternatives, 200)])
    for order in (np.argsort(-row.weights, kind="stable"), generator.permutation(items)):
        found = first_flips_of(outcomes, order)
        counts = as_distance(engine_counts(samples, row.values, order, row.readout), items)
        told = counts[clear(samples, row.values, order, row.readout)]
        assert (told >= as_distance(found.earliest, items)).all()
        assert (told <= as_distance(found.latest, items)).all()


@settings(max_examples=60)
@given(rows(max_items=8, zeros=False))
def test_both_ends_are_attained(row):
    alternatives = same_head_output(row.weights, row.values)
    outcomes = ErasureOutcomes(alternatives, row.values, row.readout)
    items = len(row.weights)
    order = np.random.default_rng(1).permutation(items)
    found = first_flips_of(outcomes, order)
    assert as_distance(found.earliest, items) <= as_distance(found.latest, items)
    for count, weights in ((found.earliest, found.first), (found.latest, found.last)):
        assert_same_output(weights, row.weights, row.values)
        reached = engine_counts(weights[None], row.values, order, row.readout)[0]
        assert reached == count or not clear(weights[None], row.values, order, row.readout)[0]


@settings(max_examples=30)
@given(rows(max_items=6, zeros=False))
def test_ranges_by_one_program_a_prefix(row):
    # Without bisection and without bounds from the programs before.
    alternatives = same_head_output(row.weights, row.values)
    outcomes = ErasureOutcomes(alternatives, row.values, row.readout)
    items = len(row.weights)
    order = np.argsort(-row.weights, kind="stable")
    found = first_flips_of(outcomes, order)
    rank = np.argsort(order)
    kept = [rank >= k for k in range(1, items)]
    everything = items if outcomes.flips_when_empty else -1
    earliest = next((k for k, one in enumerate(kept, 1) if outcomes.can_flip(one) is not None), everything)
    stays = [k for k in range(1, items) if outcomes.can_stay(np.array(kept[:k])) is not None]
    latest = max(stays, default=0) + 1
    assert found.earliest == earliest
    assert found.latest == (everything if latest == items else latest)


def test_ranges_are_wide_and_samples_come_near_their_ends():
    widths, reached = [], []
    for seed in range(8):
        weights, values = random_row(seed, 14, 4)
        generator = np.random.default_rng(seed)
        readout = generator.normal(size=(3, 4)), 0.1 * generator.normal(size=3)
        alternatives = same_head_output(weights, values)
        order = np.argsort(-weights)
        found = first_flips_of(ErasureOutcomes(alternatives, values, readout), order)
        counts = as_distance(engine_counts(sample_alternatives(alternatives, 2000), values, order, readout), 14)
        low, high = as_distance(found.earliest, 14), as_distance(found.latest, 14)
        assert counts.min() >= low
        assert counts.max() <= high
        widths.append(high - low)
        reached.append(np.ptp(counts))
    assert np.mean(widths) > 3
    assert np.mean(reached) > np.mean(widths) / 3


def test_a_unique_row_has_its_own_first_flip():
    for seed in range(6):
        weights, values = random_row(seed, 6, 8)
        generator = np.random.default_rng(seed)
        readout = generator.normal(size=(3, 8)), generator.normal(size=3)
        order = np.argsort(-weights)
        (expected,) = engine_counts(weights[None], values, order, readout)
        found = first_flip_range(values[None], weights[None], None, order[None], readout)
        assert found.earliest == found.latest == expected


def test_one_token_and_nothing_left():
    one = np.ones((1, 1)), np.ones((1, 1, 1)), np.zeros((1, 1), dtype=np.int64)
    for bias, count in ((np.array([0.0, 0.5]), 1), (np.array([0.5, 0.0]), -1)):
        readout = np.array([[1.0], [-1.0]]), bias
        found = first_flip_range(one[1], one[0], None, one[2], readout)
        assert found.earliest.tolist() == found.latest.tolist() == [count]
    # All weight may lie on the item that is erased first, or on the one that is erased last.
    values, weights = np.ones((1, 3, 1)), np.full((1, 3), 1 / 3)
    readout = np.array([[2.0], [0.0]]), np.array([0.0, 1.0])
    found = first_flip_range(values, weights, None, np.array([[2, 0, 1]]), readout)
    assert (found.earliest.tolist(), found.latest.tolist()) == ([1], [3])


@settings(max_examples=20)
@given(rows(max_items=6, zeros=False))
def test_the_same_decision_widens_the_range(row):
    order = np.argsort(-row.weights, kind="stable")
    items = len(row.weights)
    strict = first_flips_of(ErasureOutcomes(same_head_output(row.weights, row.values), row.values, row.readout), order)
    alternatives = same_decision(row.weights, row.values, row.readout)
    wide = first_flips_of(ErasureOutcomes(alternatives, row.values, row.readout), order)
    assert as_distance(wide.earliest, items) <= as_distance(strict.earliest, items)
    assert as_distance(wide.latest, items) >= as_distance(strict.latest, items)
    samples = sample_alternatives(alternatives, 200)
    counts = as_distance(engine_counts(samples, row.values, order, row.readout), items)
    told = counts[clear(samples, row.values, order, row.readout)]
    assert (told >= as_distance(wide.earliest, items)).all()
    assert (told <= as_distance(wide.latest, items)).all()


def test_batches_orderings_and_padding():
    generator = torch.Generator().manual_seed(0)
    mask = torch.arange(8) < torch.tensor([[8], [5]])
    # A row may be real anywhere: padding in front, too.
    mask[1] = mask[1].flip(0)
    weights = torch.softmax(torch.randn(2, 8, generator=generator).masked_fill(~mask, -torch.inf), -1)
    values = torch.randn(2, 8, 2, generator=generator)
    values[~mask] = torch.nan
    readout = torch.randn(3, 2, generator=generator), torch.zeros(3)
    order = torch.stack([attnprobe.rank_by_attention(weights, mask), attnprobe.rank_by_attention(-weights, mask)])
    batch = first_flip_range(values, weights, mask, order, readout)
    assert batch.earliest.shape == (2, 2)
    alone = first_flip_range(values[1:, 3:], weights[1:, 3:], None, order[:, 1:, :5] - 3, readout)
    torch.testing.assert_close(batch.earliest[:, 1:], alone.earliest)
    torch.testing.assert_close(batch.latest[:, 1:], alone.latest)
    with pytest.raises(ValueError, match="order has shape"):
        first_flip_range(values, weights, mask, order[..., :4], readout)
    with pytest.raises(ValueError, match="no permutation"):
        first_flip_range(values, weights, mask, torch.zeros_like(order), readout)
