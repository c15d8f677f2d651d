"""What erasing can do over all alternatives: against erasing in sampled ones."""

import numpy as np
import torch
from hypothesis import given, settings

import attnprobe
from attnprobe.identifiability import ErasureOutcomes, same_head_output, sample_alternatives
from attnprobe.stages.identifying.erasure_reach import erasure_reach, first_flips, flips_before
from tests.fixtures.attention_rows import random_row, rows


def by_engine(weights, values, order, readout):
    """First flips of one ordering for many weights (k, items)."""
    stacked = torch.as_tensor(weights)
    batch = torch.as_tensor(values).expand(len(stacked), *values.shape).contiguous()
    orders = torch.as_tensor(order.copy()).expand(len(stacked), -1).contiguous()
    affine = torch.as_tensor(readout[0]), torch.as_tensor(readout[1])
    return attnprobe.first_flip(batch, stacked, None, orders, affine).count.numpy()


def single_flips(weights, values, readout):
    """Whether erasing each item alone flips (k, items), step by step."""
    flips = np.zeros(weights.shape, dtype=bool)
    decided = (weights @ values @ readout[0].T + readout[1]).argmax(-1)
    for item in range(weights.shape[1]):
        rest = weights.copy()
        rest[:, item] = 0
        mass = rest.sum(1, keepdims=True)
        pooled = np.divide(rest, mass, out=np.zeros_like(rest), where=mass > 0) @ values
        flips[:, item] = (pooled @ readout[0].T + readout[1]).argmax(-1) != decided
    return flips


def orders(weights, seed=0):
    return np.argsort(-weights, kind="stable"), np.random.default_rng(seed).permutation(len(weights))


def as_distance(count, items):
    return np.where(np.asarray(count) < 0, items + 1, count)


@settings(max_examples=40)
@given(rows(max_items=7, zeros=False))
def test_no_sample_is_outside(row):
    alternatives = same_head_output(row.weights, row.values)
    outcomes = ErasureOutcomes(alternatives, row.values, row.readout)
    by_attention, at_random = orders(alternatives.observed)
    found = erasure_reach(outcomes, by_attention, at_random)
    items = len(row.weights)
    assert found.must_flip + found.may_flip + found.never_flips == items
    samples = np.vstack([alternatives.observed[None], sample_alternatives(alternatives, 100)])
    flips = single_flips(samples, row.values, row.readout)
    margins = samples @ outcomes.margins.T
    if np.abs(margins).min(initial=1) < 1e-6 or not np.isfinite(margins).all():
        return  # the decision itself is a tie
    singles = [
        np.abs((samples * (np.arange(items) != item)) @ outcomes.margins.T).min(initial=1) for item in range(items)
    ]
    if min(singles) > 1e-6:
        assert flips.all(0).sum() >= found.must_flip
        assert (~flips).all(0).sum() >= found.never_flips
        assert flips[:, by_attention[0]].any() <= found.top_can_flip
        assert (~flips[:, by_attention[0]]).any() <= found.top_can_stay
    ends = {"first_flip": by_attention, "random": at_random}
    for name, order in ends.items():
        counts = first_flips(outcomes, samples, order)
        earliest, latest = getattr(found, f"{name}_earliest"), getattr(found, f"{name}_latest")
        if min(_smallest_margin(outcomes, samples, order)) > 1e-6:
            assert as_distance(counts, items).min() >= as_distance(earliest, items)
            assert as_distance(counts, items).max() <= as_distance(latest, items)
    if not found.earlier_can_fail:
        sure = as_distance(found.first_flip_latest, items) < as_distance(found.random_earliest, items)
        assert sure or flips_before(
            first_flips(outcomes, samples[:1], by_attention), first_flips(outcomes, samples[:1], at_random), items
        )


def _smallest_margin(outcomes, samples, order):
    """Of every prefix, how far the nearest sample is from a tie."""
    for k in range(len(order)):
        kept = np.isin(np.arange(len(order)), order[k:])
        yield np.abs((samples * kept) @ outcomes.margins.T).min(initial=1)


def test_first_flips_are_the_engines():
    for seed in range(20):
        weights, values = random_row(seed, 9, 3)
        generator = np.random.default_rng(seed)
        readout = generator.normal(size=(3, 3)), generator.normal(size=3)
        alternatives = same_head_output(weights, values)
        outcomes = ErasureOutcomes(alternatives, values, readout)
        many = np.vstack([weights[None], sample_alternatives(alternatives, 30)])
        for order in orders(weights, seed):
            np.testing.assert_array_equal(first_flips(outcomes, many, order), by_engine(many, values, order, readout))


def test_a_change_with_nothing_left_is_no_earlier_than_never():
    counts = np.array([-1, 1, 3, 4])
    one, other = np.repeat(counts, 4), np.tile(counts, 4)
    flips = {1: 1, 3: 3}
    late = [[flips.get(count, 9) for count in column.tolist()] for column in (one, other)]
    expected = [first < second for first, second in zip(*late, strict=True)]
    assert flips_before(one, other, 4).tolist() == expected


def test_the_ends_are_attained_and_an_earlier_flip_can_fail():
    failing = 0
    for seed in range(30):
        weights, values = random_row(seed, 10, 2)
        generator = np.random.default_rng(seed)
        readout = generator.normal(size=(2, 2)), 0.1 * generator.normal(size=2)
        alternatives = same_head_output(weights, values)
        outcomes = ErasureOutcomes(alternatives, values, readout)
        by_attention, at_random = orders(weights, seed)
        found = erasure_reach(outcomes, by_attention, at_random)
        own, chance = (first_flips(outcomes, weights[None], order) for order in (by_attention, at_random))
        assert as_distance(found.first_flip_earliest, 10) <= as_distance(own, 10)[0]
        assert as_distance(found.first_flip_latest, 10) >= as_distance(own, 10)[0]
        if not flips_before(own, chance, 10)[0]:
            assert found.earlier_can_fail
        failing += found.earlier_can_fail and bool(flips_before(own, chance, 10)[0])
    assert failing > 3


def test_unique_weights_have_one_outcome():
    weights, values = random_row(3, 5, 8)
    readout = np.eye(3, 8), np.zeros(3)
    outcomes = ErasureOutcomes(same_head_output(weights, values), values, readout)
    by_attention, at_random = orders(weights)
    found = erasure_reach(outcomes, by_attention, at_random)
    assert found.may_flip == 0
    assert found.must_flip == single_flips(weights[None], values, readout).sum()
    assert (
        found.first_flip_earliest
        == found.first_flip_latest
        == by_engine(weights[None], values, by_attention, readout)[0]
    )
    assert found.random_earliest == found.random_latest == by_engine(weights[None], values, at_random, readout)[0]
    assert found.top_can_flip != found.top_can_stay
