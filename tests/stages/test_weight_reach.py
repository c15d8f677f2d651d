"""How far one row's weights move: closed forms, and against sampled alternatives."""

import numpy as np
import pytest
from hypothesis import given, settings
from scipy.stats import kendalltau

from attnprobe.identifiability import same_head_output, sample_alternatives
from attnprobe.stages.identifying.weight_reach import entropy, weight_reach
from tests.fixtures.attention_rows import random_row, rows

LINE = np.array([[0.0], [1.0], [2.0]])


def reach_of(weights, values):
    return weight_reach(same_head_output(np.asarray(weights), values), values)


def test_three_items_on_a_line():
    """a' = (1/3 + e, 1/3 − 2e, 1/3 + e), −1/3 ≤ e ≤ 1/6."""
    found = reach_of([1 / 3] * 3, LINE)
    np.testing.assert_allclose(found.low, 0, atol=1e-9)
    np.testing.assert_allclose(found.high, [0.5, 1, 0.5], atol=1e-9)
    assert found.mean_width == pytest.approx(2 / 3)
    assert found.largest_width == pytest.approx(1)
    assert (found.top_low, found.top_high) == pytest.approx((0, 0.5), abs=1e-9)
    assert found.can_be_top == 1  # the two ends always tie
    assert found.farthest_low == pytest.approx(2 / 3)
    assert found.entropy == found.greatest_entropy == pytest.approx(np.log(3))


def test_the_middle_takes_over():
    found = reach_of([0.4, 0.2, 0.4], LINE)
    assert found.top_can_change
    assert found.kendall_tau_low == found.kendall_tau_found == pytest.approx(1 - 2 * 2 / 3)
    assert found.greatest_entropy == pytest.approx(np.log(3), abs=1e-9)


def test_where_the_output_fixes_the_weights_nothing_moves():
    weights, values = random_row(0, 6, 8)
    found = reach_of(weights, values)
    assert found.mean_width == found.farthest_high == 0
    assert (found.can_be_top, found.top_can_change) == (1, False)
    assert found.kendall_tau_low == found.kendall_tau_found == 1
    assert found.top_low == found.top_high == found.top_weight == weights.max()
    assert found.greatest_entropy == pytest.approx(found.entropy)


def test_equal_values_leave_everything_open():
    weights, _ = random_row(1, 5, 1)
    found = reach_of(weights, np.ones((5, 2)))
    np.testing.assert_allclose(found.high, 1)
    assert found.can_be_top == 5
    assert found.kendall_tau_low == found.kendall_tau_found == -1
    assert found.farthest_low == pytest.approx(1 - weights.min())
    np.testing.assert_allclose(found.maximum_entropy, 0.2)


@settings(max_examples=25)
@given(rows(max_items=7, zeros=False))
@pytest.mark.slow
def test_no_sample_is_outside(row):
    alternatives = same_head_output(row.weights, row.values)
    found = weight_reach(alternatives, row.values)
    samples = sample_alternatives(alternatives, 200)
    observed = alternatives.observed
    assert (samples >= found.low - 1e-9).all()
    assert (samples <= found.high + 1e-9).all()
    assert (np.abs(samples - observed).sum(1) / 2).max() <= found.farthest_high + 1e-9
    assert found.farthest_low <= found.farthest_high + 1e-12
    assert max(map(entropy, samples)) <= found.greatest_entropy + 1e-8
    ranked = np.argsort(samples, 1)
    clear = (
        samples[np.arange(len(samples)), ranked[:, -1]] - np.sort(samples, 1)[:, -2] > 1e-8 if len(observed) > 1 else []
    )
    tops = set(ranked[clear, -1].tolist()) if len(observed) > 1 else set()
    assert len(tops) <= found.can_be_top
    assert found.top_can_change or tops <= {int(observed.argmax())}
    assert found.kendall_tau_low <= found.kendall_tau_found + 1e-12
    if len(observed) > 1 and np.diff(np.sort(observed)).min() > 1e-6:
        taus = [kendalltau(observed, sample).statistic for sample in samples if np.diff(np.sort(sample)).min() > 1e-8]
        assert min(taus, default=1.0) >= found.kendall_tau_low - 1e-9
