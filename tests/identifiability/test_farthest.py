import itertools

import numpy as np
import pytest
from hypothesis import given, settings

from attnprobe.identifiability import (
    SolverError,
    farthest,
    farthest_alternative,
    same_decision,
    same_head_output,
    same_layer_output,
    same_normed_output,
    sample_alternatives,
)
from tests.fixtures.attention_rows import assert_same_output, random_row, rows
from tests.fixtures.vertices import vertices


def distance(weights, observed):
    return np.abs(weights - observed).sum(-1) / 2


def by_all_sign_patterns(alternatives):
    """max over S of max a'(S) − a(S): one linear program a set."""
    items = len(alternatives.observed)
    best = 0.0
    for signs in itertools.product([0.0, 1.0], repeat=items):
        chosen = np.array(signs)
        best = max(best, alternatives.maximise(chosen).value - chosen @ alternatives.observed)
    return best


@settings(max_examples=60)
@given(rows())
def test_exact_equals_all_vertices(row):
    found = farthest_alternative(same_head_output(row.weights, row.values))
    expected = distance(vertices(row.weights, row.values - row.values.mean(0)), row.weights).max()
    assert found.exact
    assert found.lower == pytest.approx(expected, abs=1e-6)
    assert found.upper == pytest.approx(expected, abs=2e-6)
    assert found.upper >= expected - 1e-7
    assert_same_output(found.weights, row.weights, row.values)
    assert distance(found.weights, row.weights) == pytest.approx(found.lower, abs=1e-9)


@settings(max_examples=10)
@given(rows(max_items=6))
def test_exact_equals_all_sign_patterns(row):
    alternatives = same_head_output(row.weights, row.values)
    assert farthest_alternative(alternatives).lower == pytest.approx(by_all_sign_patterns(alternatives), abs=1e-6)


@settings(max_examples=30)
@given(rows())
def test_bounds_without_the_integer_program_hold_the_exact_distance(row):
    alternatives = same_head_output(row.weights, row.values)
    expected = distance(vertices(row.weights, row.values - row.values.mean(0)), row.weights).max()
    found = farthest_alternative(alternatives, exact_items=0)
    assert found.lower <= expected + 1e-8
    assert found.upper >= expected - 1e-8
    assert_same_output(found.weights, row.weights, row.values)


def test_the_integer_program_is_needed_and_solved():
    needed = 0
    for seed in range(4):
        weights, values = random_row(seed, 16, 5)
        alternatives = same_head_output(weights, values)
        bounds = farthest_alternative(alternatives, exact_items=0)
        exact = farthest_alternative(alternatives)
        assert exact.exact
        assert exact.upper - exact.lower <= 1e-6
        assert bounds.lower - 1e-7 <= exact.lower <= bounds.upper + 1e-7
        needed += bounds.upper - bounds.lower > 1e-3
        samples = sample_alternatives(alternatives, 500)
        assert (distance(samples, weights) <= exact.upper + 1e-9).all()
    assert needed > 0


def test_closed_forms():
    line = farthest_alternative(same_head_output(np.full(3, 1 / 3), np.array([[0.0], [1.0], [2.0]])))
    assert line.lower == pytest.approx(2 / 3)
    np.testing.assert_allclose(line.weights, [0, 1, 0], atol=1e-9)
    weights, _ = random_row(0, 5, 1)
    unique = farthest_alternative(same_head_output(weights, np.eye(5)))
    assert unique.lower == unique.upper == 0
    free = farthest_alternative(same_head_output(weights, np.zeros((5, 2))))
    assert free.lower == pytest.approx(1 - weights.min())
    assert free.exact


def test_other_sets_of_alternatives():
    weights, values = random_row(1, 5, 2)
    generator = np.random.default_rng(1)
    readout = generator.normal(size=(3, 2)), generator.normal(size=3)
    alternatives = same_decision(weights, values, readout)
    found = farthest_alternative(alternatives)
    assert found.exact
    assert found.lower == pytest.approx(by_all_sign_patterns(alternatives), abs=1e-6)
    heads = same_layer_output(np.stack([weights, weights[::-1]]), np.stack([values, values]))
    assert farthest_alternative(heads).lower > farthest_alternative(same_head_output(weights, values)).lower
    with pytest.raises(ValueError, match="scale and a shift"):
        farthest_alternative(same_normed_output(weights, values, np.ones(2)))


def test_a_failed_integer_program_is_one_clear_error(monkeypatch):
    class Failed:
        status = 4
        x = None
        message = "Solver error."

    weights, values = random_row(0, 16, 5)
    monkeypatch.setattr(farthest, "milp", lambda *args, **kwargs: Failed())
    with pytest.raises(SolverError, match="mixed-integer program of 16 items was not solved: Solver error"):
        farthest_alternative(same_head_output(weights, values))
