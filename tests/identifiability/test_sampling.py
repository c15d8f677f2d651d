import numpy as np
import pytest
from hypothesis import given, settings

from attnprobe.identifiability import same_decision, same_head_output, same_normed_output, sample_alternatives
from tests.fixtures.attention_rows import assert_same_output, random_row, rows


@settings(max_examples=40)
@given(rows())
def test_samples_are_alternatives(row):
    alternatives = same_head_output(row.weights, row.values)
    samples = sample_alternatives(alternatives, 40)
    assert samples.shape == (40, len(row.weights))
    for sample in samples:
        assert_same_output(sample, row.weights, row.values)
        assert alternatives.residual(sample) <= 1e-9


def test_samples_of_a_segment_are_uniform():
    # a' = (1/3 + e, 1/3 − 2e, 1/3 + e): the middle weight is uniform on [0, 1].
    alternatives = same_head_output(np.full(3, 1 / 3), np.array([[0.0], [1.0], [2.0]]))
    middle = sample_alternatives(alternatives, 4000)[:, 1]
    assert middle.mean() == pytest.approx(0.5, abs=0.03)
    assert np.quantile(middle, [0.1, 0.25, 0.75, 0.9]) == pytest.approx([0.1, 0.25, 0.75, 0.9], abs=0.04)


def test_samples_of_the_simplex_have_its_moments():
    weights, _ = random_row(0, 4, 1, peak=3.0)
    values = np.zeros((4, 1))
    values[:, 0] = [1.0, 1.0, 1.0, 1.0]
    samples = sample_alternatives(same_head_output(weights, values), 4000)
    np.testing.assert_allclose(samples.mean(0), 0.25, atol=0.02)
    np.testing.assert_allclose(samples.var(0), 3 / 80, atol=0.005)


def test_chains_leave_a_peaked_start():
    weights, values = random_row(1, 40, 8, peak=2.0)
    samples = sample_alternatives(same_head_output(weights, values), 400)
    assert (samples.argmax(1) == weights.argmax()).mean() < 0.6
    halves = samples[:200].mean(0), samples[200:].mean(0)
    assert np.abs(halves[0] - halves[1]).max() < 0.03


def test_inequalities_are_kept():
    weights, values = random_row(2, 8, 3)
    generator = np.random.default_rng(0)
    readout = generator.normal(size=(3, 3)), generator.normal(size=3)
    samples = sample_alternatives(same_decision(weights, values, readout), 500)
    logits = samples @ values @ readout[0].T + readout[1]
    decision = (weights @ values @ readout[0].T + readout[1]).argmax()
    assert (logits.argmax(1) == decision).mean() > 0.99
    assert np.abs(samples - weights).sum(1).max() > 0.5


def test_the_seed_decides_and_further_variables_are_refused():
    weights, values = random_row(3, 8, 3)
    alternatives = same_head_output(weights, values)
    first, again = sample_alternatives(alternatives, 5, seed=1), sample_alternatives(alternatives, 5, seed=1)
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - sample_alternatives(alternatives, 5, seed=2)).max() > 0
    with pytest.raises(ValueError, match="scale and a shift"):
        sample_alternatives(same_normed_output(weights, values, np.ones(3)), 5)
