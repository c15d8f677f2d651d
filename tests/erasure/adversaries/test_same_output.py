"""The farthest row of attention that pools to the very same vector, against every vertex of the alternatives."""

import numpy as np
import pytest
import torch

import attnprobe
from attnprobe.identifiability import farthest_alternative, same_head_output
from tests.fixtures.vertices import vertices
from tests.reference import adversaries as brute

READOUT = (torch.eye(2, 3, dtype=torch.float64), torch.zeros(2, dtype=torch.float64))


def document(seed, items=7, dim=3, repeated=False):
    generator = np.random.default_rng(seed)
    values, weights = generator.normal(size=(items, dim)), generator.dirichlet(np.ones(items))
    if repeated:
        values[1] = values[0]
        weights[2] = 0.0
        weights /= weights.sum()
    return values * generator.choice([1e-3, 1.0, 1e3], size=dim), weights


def farthest(values, weights, distance, **more):
    return attnprobe.adversarial_attention(
        values[None], weights[None], None, READOUT, 0.0, distance, same_output=True, **more
    )


@pytest.mark.parametrize("distance", ["js", "tv", "hellinger"])
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.samples(5)
def test_it_is_the_farthest_vertex_and_pools_to_the_same(seed, distance):
    values, weights = document(seed, repeated=seed % 2 == 1)
    found = farthest(values, weights, distance)
    expected = max(brute.DISTANCES[distance](weights, corner) for corner in vertices(weights, values))
    assert float(found.distance[0]) == pytest.approx(expected, abs=1e-6)
    assert expected - 1e-7 <= float(found.bound[0]) <= expected + 1e-6
    row = np.asarray(found.weights[0])
    scale = np.abs(values).sum(0)
    np.testing.assert_allclose(row @ values / scale, weights @ values / scale, atol=1e-8)
    assert row.min() >= 0
    assert row.sum() == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.samples(1)
def test_total_variation_is_that_of_the_alternatives_of_identify(seed):
    values, weights = document(seed, items=9, dim=4)
    readout = (torch.eye(2, 4, dtype=torch.float64), torch.zeros(2, dtype=torch.float64))
    found = attnprobe.adversarial_attention(values[None], weights[None], None, readout, 0.0, "tv", same_output=True)
    other = farthest_alternative(same_head_output(weights, values))
    assert other.exact
    assert float(found.distance[0]) == pytest.approx(other.lower, abs=1e-6)
    assert float(found.bound[0]) >= other.lower - 1e-7


def test_weights_that_are_the_only_ones_stay_and_padding_plays_no_part():
    values, weights = document(1, items=3, dim=3)
    alone = farthest(values, weights, "tv")
    assert float(alone.distance[0]) == pytest.approx(0.0, abs=1e-6)
    values, weights = document(2)
    wide = np.vstack([values, np.full((2, 3), np.nan)])
    mask = np.arange(9) < 7
    padded = attnprobe.adversarial_attention(
        wide[None], np.append(weights, [0.5, 0.5])[None], mask[None], READOUT, 0.0, same_output=True
    )
    plain = farthest(values, weights, "js")
    np.testing.assert_allclose(padded.distance, plain.distance, atol=1e-9)
    assert not padded.weights[0][7:].any()


def test_limits_on_what_items_gain_hold_beside_it_and_epsilon_plays_no_part():
    values, weights = document(3)
    free, held = farthest(values, weights, "js"), farthest(values, weights, "js", most=(1.5, 0.02))
    assert float(held.bound[0]) <= float(free.bound[0]) + 1e-9
    assert (np.asarray(held.weights[0]) <= 1.5 * weights + 0.02 + 1e-9).all()
    one = attnprobe.adversarial_attention(values[None], weights[None], None, READOUT, 1.0, same_output=True)
    np.testing.assert_array_equal(one.distance, free.distance)
    with pytest.raises(TypeError, match="same_output is str, but bool is needed"):
        attnprobe.adversarial_attention(values[None], weights[None], None, READOUT, 0.0, same_output="yes")  # type: ignore[arg-type]
