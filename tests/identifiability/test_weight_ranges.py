import numpy as np
import pytest
import torch
from hypothesis import given, settings

from attnprobe.identifiability import mass_range, range_of, same_head_output, sample_alternatives, weight_range
from tests.fixtures.attention_rows import assert_same_output, random_row, rows
from tests.fixtures.vertices import vertices


@given(rows())
def test_ranges_equal_those_of_all_vertices(row):
    corners = vertices(row.weights, row.values - row.values.mean(0))
    found = weight_range(row.weights, row.values)
    np.testing.assert_allclose(found.low, corners.min(0), atol=1e-8)
    np.testing.assert_allclose(found.high, corners.max(0), atol=1e-8)
    assert found.residual <= 1e-9


@given(rows())
def test_every_vertex_that_attains_a_range_is_an_alternative(row):
    alternatives = same_head_output(row.weights, row.values)
    low, high, attained = alternatives.extremes
    for vertex in attained:
        assert_same_output(vertex, row.weights, row.values)
    np.testing.assert_array_equal(attained.min(0), low)
    np.testing.assert_array_equal(attained.max(0), high)
    assert (low <= alternatives.observed).all()
    assert (alternatives.observed <= high).all()


@given(rows())
def test_any_linear_objective_equals_that_of_all_vertices(row):
    generator = np.random.default_rng(0)
    corners = vertices(row.weights, row.values - row.values.mean(0))
    alternatives = same_head_output(row.weights, row.values)
    for _ in range(3):
        objective = generator.normal(size=len(row.weights))
        least, greatest = alternatives.minimise(objective), alternatives.maximise(objective)
        assert least.value == pytest.approx((corners @ objective).min(), abs=1e-8)
        assert greatest.value == pytest.approx((corners @ objective).max(), abs=1e-8)
        for found in (least, greatest):
            assert found.value == pytest.approx(objective @ found.weights, abs=1e-12)
            assert_same_output(found.weights, row.weights, row.values)
        # What the dual proves holds for every vertex.
        assert least.bound <= least.value + 1e-12
        assert (corners @ objective >= least.bound + corners @ least.reduced_costs - 1e-8).all()
        assert (corners @ objective <= greatest.bound + corners @ greatest.reduced_costs + 1e-8).all()
        assert least.reduced_costs.min() >= 0 >= greatest.reduced_costs.max()


@settings(max_examples=40)
@given(rows(max_items=5))
def test_further_inequalities_equal_those_of_all_vertices(row):
    items = len(row.weights)
    generator = np.random.default_rng(1)
    matrix = generator.normal(size=(2, items))
    at_most = matrix @ row.weights + 0.05
    corners = vertices(row.weights, row.values - row.values.mean(0), matrix, at_most)
    objective = generator.normal(size=items)
    found = same_head_output(row.weights, row.values).minimise(objective, matrix, at_most)
    assert found.value == pytest.approx((corners @ objective).min(), abs=1e-8)
    assert (matrix @ found.weights <= at_most + 1e-9).all()


def test_closed_form_of_three_items_on_a_line():
    found = weight_range(torch.full((3,), 1 / 3), torch.tensor([[0.0], [1.0], [2.0]]))
    torch.testing.assert_close(found.low, torch.zeros(3))
    torch.testing.assert_close(found.high, torch.tensor([0.5, 1.0, 0.5]))


def test_closed_forms_of_unique_and_of_free_weights():
    weights, _ = random_row(0, 5, 1)
    unique = weight_range(weights, np.eye(5))
    np.testing.assert_allclose(unique.low, weights, atol=1e-12)
    np.testing.assert_allclose(unique.high, weights, atol=1e-12)
    free = weight_range(weights, np.zeros((5, 2)))
    assert (free.low == 0).all()
    np.testing.assert_allclose(free.high, 1.0)
    alone = weight_range(np.ones(1), np.ones((1, 3)))
    assert (alone.low, alone.high) == (1.0, 1.0)


def test_closed_form_of_repeated_items():
    weights, values = random_row(1, 5, 16)
    values[1] = values[0]
    found = weight_range(weights, values)
    shared = weights[0] + weights[1]
    np.testing.assert_allclose(found.high, [shared, shared, *weights[2:]], atol=1e-12)
    np.testing.assert_allclose(found.low, [0, 0, *weights[2:]], atol=1e-12)


def test_samples_stay_within_the_ranges():
    weights, values = random_row(2, 20, 6)
    alternatives = same_head_output(weights, values)
    found = range_of(alternatives)
    samples = sample_alternatives(alternatives, 2000)
    assert (samples >= found.low - 1e-9).all()
    assert (samples <= found.high + 1e-9).all()


def test_batches_padding_and_float32():
    generator = torch.Generator().manual_seed(0)
    mask = torch.arange(7) < torch.tensor([[7], [4], [1]])
    weights = torch.softmax(torch.randn(3, 7, generator=generator).masked_fill(~mask, -torch.inf), -1)
    values = torch.randn(3, 7, 2, generator=generator)
    values[~mask] = torch.nan
    batch = weight_range(weights, values, mask)
    assert batch.low.shape == batch.high.shape == weights.shape
    assert (batch.high[~mask] == 0).all()
    alone = weight_range(weights[1, :4], values[1, :4])
    torch.testing.assert_close(batch.low[1, :4], alone.low)
    torch.testing.assert_close(batch.high[1, :4], alone.high)
    assert batch.high[2, 0] == 1.0


def test_mass_on_a_set_equals_that_of_all_vertices():
    weights, values = random_row(3, 6, 2)
    chosen = np.array([True, True, False, False, True, False])
    masses = vertices(weights, values)[:, chosen].sum(1)
    found = mass_range(same_head_output(weights, values), chosen)
    assert found.low == pytest.approx(masses.min(), abs=1e-9)
    assert found.high == pytest.approx(masses.max(), abs=1e-9)
    assert_same_output(found.lowest, weights, values)
    assert found.highest[chosen].sum() == pytest.approx(found.high)
    with pytest.raises(ValueError, match="chosen has shape"):
        mass_range(same_head_output(weights, values), chosen[:3])


def test_a_long_peaked_row():
    weights, values = random_row(4, 90, 24, peak=6.0)
    alternatives = same_head_output(weights, values)
    for vertex in alternatives.extremes.vertices:
        assert_same_output(vertex, weights, values)


def test_weights_that_are_no_distribution_are_refused():
    values = torch.zeros(2, 3, 1)
    with pytest.raises(ValueError, match="row 1 are no distribution"):
        weight_range(torch.tensor([[0.5, 0.5, 0.0], [1.5, -0.5, 0.0]]), values)
    with pytest.raises(ValueError, match="row 0 are no distribution: they sum to 0"):
        weight_range(torch.full((2, 3), 1 / 3), values, torch.tensor([[False] * 3, [True] * 3]))
    with pytest.raises(ValueError, match="weights hold NaN"):
        weight_range(torch.tensor([[0.5, 0.5, 0.0], [torch.nan, 0.5, 0.5]]), values)
